#include "base/system.hpp"
#include "runtime/host_channel.hpp"
#include "runtime/testing/temporary_log.hpp"
#include "wire/control_messages.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace msb {
namespace {

using namespace std::chrono_literals;

struct HostChannelTest : ::testing::Test {
    std::unique_ptr<EventLoop> loop = EventLoop::create().value();
    testing::TemporaryLog directory;
    std::vector<std::string> asked;
    HostChannel channel{
        *loop,
        {.shutdown =
             [this](const wire::HostShutdown& m) {
                 asked.push_back("shutdown " + std::to_string(m.grace_ms.value_or(0)));
             },
         .drain = [this] { asked.emplace_back("drain"); },
         .status = [] { return wire::HostStatusReport{"Running", "", 3}; },
         .network_policy =
             [](const wire::HostNetworkPolicy& change, const HostChannel::Reply& reply) {
                 reply(change.policy.empty() ? Status(fail(ErrorKind::invalid_argument, "empty"))
                                             : Status());
             },
         .freeze = [this](const wire::HostFreeze& m) -> Status {
             asked.push_back("freeze " + std::to_string(m.timeout_ms));
             return m.number == 7 ? fail(ErrorKind::busy, "no") : Status();
         },
         .thaw =
             [this](const wire::HostThaw& m) {
                 asked.push_back("thaw " + std::to_string(m.number));
             },
         .freeze_status = [] { return wire::HostFreezeReport{5, "frozen", ""}; },
         .grow_root_disk = [this](const wire::HostRootDiskGrow& m) -> Status {
             asked.push_back("grow " + std::to_string(m.size_mib));
             return m.size_mib == 7 ? fail(ErrorKind::busy, "no") : Status();
         },
         .root_disk_status = [] { return wire::HostRootDiskReport{512, "grown", ""}; }}};

    void SetUp() override { ASSERT_TRUE(channel.serve(sys::unix_listen(path(), 64).value())); }
    std::string path() const { return directory.directory + "/runtime.sock"; }
    void turn() {
        for (int i = 0; i < 4; ++i)
            ASSERT_TRUE(loop->run_once(0ms));
    }
    OwnedFd connect() {
        OwnedFd socket = sys::unix_connect(path()).value();
        turn();
        return socket;
    }
    void say(int socket, BytesView data) {
        (void)!::send(socket, data.data(), data.size(), MSG_NOSIGNAL);
        turn();
    }
    static Bytes answer(int socket) {
        Bytes data(4096);
        const ssize_t count = ::recv(socket, data.data(), data.size(), MSG_DONTWAIT);
        data.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        return data;
    }
    static bool is_closed(int socket) {
        std::uint8_t byte = 0;
        const ssize_t count = ::recv(socket, &byte, 1, MSG_DONTWAIT);
        return count == 0 || (count < 0 && errno == ECONNRESET);
    }
    /// The kind of error that this is answered by, after which the connection has to be closed.
    wire::CoreErrorKind refusal(BytesView data) {
        const OwnedFd socket = connect();
        say(socket.get(), data);
        wire::FrameReader reader;
        reader.feed(answer(socket.get()));
        const auto frame = reader.next();
        EXPECT_TRUE(is_closed(socket.get()));
        if (!frame || !*frame)
            return wire::CoreErrorKind::other;
        const auto error = wire::decode_body<wire::CoreError>((*frame)->body);
        return error ? error->kind : wire::CoreErrorKind::other;
    }
};

TEST_F(HostChannelTest, DoesWhatItIsAskedAndSaysSo) {
    const OwnedFd socket = connect();
    say(socket.get(), wire::encode_message(1, wire::HostShutdown{250}));
    EXPECT_EQ(answer(socket.get()), wire::encode_message(1, wire::HostAccepted{}));
    Bytes two = wire::encode_message(2, wire::HostDrain{});
    wire::append_message(two, 3, wire::HostStatus{});
    for (const std::uint8_t byte : two)
        say(socket.get(), {&byte, 1});
    Bytes expected = wire::encode_message(2, wire::HostAccepted{});
    wire::append_message(expected, 3, wire::HostStatusReport{"Running", "", 3});
    EXPECT_EQ(answer(socket.get()), expected);
    EXPECT_EQ(asked, (std::vector<std::string>{"shutdown 250", "drain"}));
}

TEST_F(HostChannelTest, AGuestThawsWhenWhoFrozeItIsGone) {
    {
        const OwnedFd socket = connect();
        say(socket.get(), wire::encode_message(1, wire::HostFreeze{5, 100}));
        EXPECT_EQ(answer(socket.get()), wire::encode_message(1, wire::HostAccepted{}));
        say(socket.get(), wire::encode_message(2, wire::HostFreezeStatus{}));
        EXPECT_EQ(answer(socket.get()),
                  wire::encode_message(2, wire::HostFreezeReport{5, "frozen", ""}));
    }
    turn();
    EXPECT_EQ(asked, (std::vector<std::string>{"freeze 100", "thaw 5"}));
    asked.clear();
    {
        const OwnedFd socket = connect();
        say(socket.get(), wire::encode_message(1, wire::HostFreeze{6, 100}));
        say(socket.get(), wire::encode_message(2, wire::HostThaw{6}));
        turn();
    }
    turn();
    EXPECT_EQ(asked, (std::vector<std::string>{"freeze 100", "thaw 6"})) << "and not again";
    EXPECT_EQ(refusal(wire::encode_message(1, wire::HostFreeze{7, 100})),
              wire::CoreErrorKind::invalid_session);
}

TEST_F(HostChannelTest, ARootDiskGrowsAndSaysHowFarItIs) {
    const OwnedFd socket = connect();
    say(socket.get(), wire::encode_message(1, wire::HostRootDiskGrow{512}));
    EXPECT_EQ(answer(socket.get()), wire::encode_message(1, wire::HostAccepted{}));
    say(socket.get(), wire::encode_message(2, wire::HostRootDiskStatus{}));
    EXPECT_EQ(answer(socket.get()),
              wire::encode_message(2, wire::HostRootDiskReport{512, "grown", ""}));
    EXPECT_EQ(refusal(wire::encode_message(1, wire::HostRootDiskGrow{7})),
              wire::CoreErrorKind::invalid_session);
    EXPECT_EQ(asked, (std::vector<std::string>{"grow 512", "grow 7"}));
}

TEST_F(HostChannelTest, WhatIsWrongIsAnsweredAndTheConnectionClosed) {
    using Kind = wire::CoreErrorKind;
    EXPECT_EQ(refusal(Bytes{0, 0, 0, 1, 0, 0, 0, 0, 0}), Kind::malformed_message);
    EXPECT_EQ(refusal(Bytes{0, 0, 0, 6, 0, 0, 0, 1, 0, 0xff}), Kind::malformed_message);
    EXPECT_EQ(refusal(Bytes{0, 0x10, 0, 0, 0, 0, 0, 1, 0}), Kind::malformed_message) << "1 MiB";
    EXPECT_EQ(refusal(wire::encode_message(1, wire::Ping{})), Kind::unsupported_message_type);
    EXPECT_EQ(refusal(wire::encode_message(1, wire::Shutdown{})), Kind::unsupported_message_type)
        << "not of this door";
    Bytes bad;
    wire::begin_frame(bad, 1, 0, wire::HostShutdown::type, 1);
    bad.push_back(0x01);
    EXPECT_EQ(refusal(bad), Kind::invalid_payload);
    EXPECT_TRUE(asked.empty());
    EXPECT_EQ(channel.connection_count(), 0U);
}

TEST_F(HostChannelTest, ConnectionsAreBoundedAndAnUnreadAnswerEndsOne) {
    std::vector<OwnedFd> sockets;
    sockets.reserve(HostChannel::max_connections);
    for (std::size_t i = 0; i < HostChannel::max_connections; ++i)
        sockets.push_back(connect());
    EXPECT_TRUE(is_closed(connect().get()));
    EXPECT_EQ(channel.connection_count(), HostChannel::max_connections);
    for (int i = 0; i < 100'000 && channel.connection_count() == sockets.size(); ++i)
        say(sockets[0].get(), wire::encode_message(1, wire::HostStatus{}));
    EXPECT_EQ(channel.connection_count(), HostChannel::max_connections - 1);
    sockets.clear();
    turn();
    turn();
    EXPECT_EQ(channel.connection_count(), 0U);
}

} // namespace
} // namespace msb
