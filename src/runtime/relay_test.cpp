#include "device/vsock/testing/fake_stream.hpp"
#include "runtime/relay.hpp"
#include "runtime/testing/temporary_log.hpp"
#include "wire/session_messages.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace msb {
namespace {

using namespace std::chrono_literals;
using device::testing::FakeGuest;
using device::testing::FakeStream;

/// Of the client in slot 0.
constexpr std::uint32_t id = 7;

class RelayTest : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(relay.serve(sys::unix_listen(log.directory + "/s", 8).value(),
                                wire::encode_message(0, wire::Ready{})));
    }
    void turn(int rounds = 4) {
        for (int i = 0; i < rounds; ++i)
            ASSERT_TRUE(loop->run_once(0ms));
    }
    /// A client that has taken its greeting.
    OwnedFd connect() {
        OwnedFd client = sys::unix_connect(log.directory + "/s").value();
        turn();
        const Bytes greeting = received(client.get());
        EXPECT_EQ(greeting.size(), 8 + wire::encode_message(0, wire::Ready{}).size());
        return client;
    }
    Bytes received(int client) {
        turn();
        Bytes data(1 << 20);
        const ssize_t count = ::recv(client, data.data(), data.size(), MSG_DONTWAIT);
        data.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        return data;
    }
    bool is_closed(int client) {
        turn();
        std::uint8_t byte = 0;
        const ssize_t count = ::recv(client, &byte, 1, MSG_DONTWAIT);
        return count == 0 || (count < 0 && errno == ECONNRESET);
    }
    void say(int client, BytesView data) {
        ASSERT_EQ(::send(client, data.data(), data.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(data.size()));
        turn();
    }
    FakeStream& stream(std::size_t index = 0) { return *guest.streams.at(index); }

    std::unique_ptr<EventLoop> loop = EventLoop::create().value();
    testing::TemporaryLog log;
    FakeGuest guest;
    std::vector<std::optional<std::uint64_t>> shutdowns;
    int drains = 0;
    int kept = 0;
    Relay relay{
        *loop, guest.dial(), *log.log,
        Relay::Events{.shutdown = [this](const auto& m) { shutdowns.push_back(m.grace_ms); },
                      .session_kept = [this] { ++kept; },
                      .drain = [this] { ++drains; }}};
};

TEST_F(RelayTest, PassesFramesBothWaysAndRecordsOutput) {
    const OwnedFd client = connect();
    const Bytes request = wire::encode_message(id, wire::ExecRequest{.cmd = "true"});
    say(client.get(), request);
    Bytes expected = wire::encode_message(id, wire::SessionNumber{1});
    expected.insert(expected.end(), request.begin(), request.end());
    EXPECT_EQ(stream().take(), expected) << "the number first, then the request as it was";

    Bytes answers = wire::encode_message(id, wire::ExecStarted{.pid = 5});
    wire::append_message(answers, id, wire::ExecStdout{as_bytes("hello\n")});
    wire::append_message(answers, id, wire::ExecExited{});
    const std::uint64_t greeted = relay.taken();
    for (const std::uint8_t byte : answers) // in the smallest pieces
        stream().send({&byte, 1});
    EXPECT_EQ(received(client.get()), answers);
    EXPECT_EQ(relay.taken() - greeted, answers.size());
    EXPECT_NE(log.text().find("hello"), std::string::npos);
}

TEST_F(RelayTest, AClientMayAskForTheEndAndNothingElseOfTheHost) {
    const OwnedFd client = connect();
    say(client.get(), wire::encode_message(0, wire::Shutdown{500}));
    say(client.get(), wire::encode_message(0, wire::Drain{}));
    EXPECT_EQ(shutdowns, std::vector{std::optional<std::uint64_t>(500)});
    EXPECT_EQ(drains, 1);
    EXPECT_TRUE(stream().take().empty()) << "neither goes to the guest by this way";

    say(client.get(), wire::encode_message(id, wire::Heartbeat{}));
    EXPECT_TRUE(stream().take().empty());
    wire::FrameReader answers;
    answers.feed(received(client.get()));
    const auto frame = answers.next();
    ASSERT_TRUE(frame && *frame);
    const auto error = wire::decode_body<wire::CoreError>((*frame)->body);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind, wire::CoreErrorKind::unsupported_message_type);
    EXPECT_EQ(error->offending_type, wire::Heartbeat::type);
}

TEST_F(RelayTest, WhoBreaksTheRulesIsDroppedAndNobodyElse) {
    const OwnedFd other = connect();
    const std::vector<Bytes> attacks = {
        {0, 0, 0, 1, 0, 0, 0, 0, 0, 0},                            // shorter than a header
        {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0},                // endless
        {0, 0, 0, 6, 0, 0, 0, 7, 0, 0xff},                         // not an envelope
        wire::encode_message(0, wire::ExecRequest{.cmd = "true"}), // an id of nobody's
        wire::encode_message(id, wire::Ping{}),                    // the other's
    };
    for (const Bytes& attack : attacks) {
        const OwnedFd client = connect();
        say(client.get(), attack);
        EXPECT_TRUE(is_closed(client.get()));
    }
    EXPECT_EQ(relay.client_count(), 1U);
    say(other.get(), wire::encode_message(id, wire::Ping{}));
    EXPECT_FALSE(stream().take().empty());
}

TEST_F(RelayTest, AGuestThatSendsNoFramesLosesTheConnection) {
    const OwnedFd client = connect();
    stream().send(Bytes(16, 0));
    EXPECT_TRUE(is_closed(client.get()));
    EXPECT_TRUE(stream().closed);
}

TEST_F(RelayTest, AnUnreadClientStopsItsGuestConnectionAndNoOther) {
    const OwnedFd deaf = connect();
    const OwnedFd other = connect();
    const Bytes piece = wire::encode_message(id, wire::ExecStdout{Bytes(100'000, 'x')});
    Bytes flood;
    std::size_t sent = 0;
    for (int i = 0; i < 200; ++i) { // until the credit is used up
        flood.insert(flood.end(), piece.begin(), piece.end());
        const std::size_t taken = stream(0).send(flood);
        sent += taken;
        flood.erase(flood.begin(), flood.begin() + static_cast<std::ptrdiff_t>(taken));
        turn(1);
    }
    EXPECT_LT(sent, std::size_t{4} << 20) << "what is not read is not taken";
    const Bytes pong = wire::encode_message(Relay::id_step + 2, wire::Pong{});
    stream(1).send(pong);
    EXPECT_EQ(received(other.get()), pong);
}

TEST_F(RelayTest, ClientsAndConnectionsAreBounded) {
    std::vector<OwnedFd> clients;
    clients.reserve(Relay::max_clients);
    for (std::size_t i = 0; i < Relay::max_clients; ++i)
        clients.push_back(connect());
    const OwnedFd late = sys::unix_connect(log.directory + "/s").value();
    EXPECT_TRUE(is_closed(late.get()));
    EXPECT_EQ(relay.client_count(), Relay::max_clients);
    clients.clear();
    turn(8);
    EXPECT_EQ(relay.client_count(), 0U);
    guest.most = 0;
    const OwnedFd refused = sys::unix_connect(log.directory + "/s").value();
    turn();
    EXPECT_EQ(relay.client_count(), 0U);
}

TEST_F(RelayTest, WhatTheGuestSentBeforeItsEndIsStillDelivered) {
    const OwnedFd client = connect();
    const Bytes last = wire::encode_message(id, wire::Pong{});
    stream().send(last);
    stream().send(as_bytes("half a fra"));
    stream().end();
    stream().finish(device::StreamEnd::finished);
    bool done = false;
    relay.finish(EventLoop::Clock::now() + 5s, [&] { done = true; });
    EXPECT_EQ(received(client.get()), last);
    EXPECT_TRUE(is_closed(client.get()));
    turn();
    EXPECT_TRUE(done);
}

} // namespace
} // namespace msb
