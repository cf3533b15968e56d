// The handshake against peers that do not keep to it.
#include "base/file.hpp"
#include "base/system.hpp"
#include "client/agent_client.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace msb {
namespace {

using namespace std::chrono_literals;

class HandshakeTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "msb-client.XXXXXX";
        directory_ = ::mkdtemp(pattern.data());
        socket_ = directory_ + "/agent.sock";
        loop_ = EventLoop::create().value();
    }
    void TearDown() override { (void)remove_tree(directory_); }

    Error failure(const ConnectOptions& options) {
        const auto begun = std::chrono::steady_clock::now();
        const auto client = AgentClient::connect(*loop_, socket_, options);
        took_ = std::chrono::steady_clock::now() - begun;
        if (client)
            return Error(ErrorKind::system, "it succeeded");
        return client.error();
    }

    std::string directory_;
    std::string socket_;
    std::unique_ptr<EventLoop> loop_;
    std::chrono::steady_clock::duration took_{};
};

TEST_F(HandshakeTest, NobodyListens) {
    EXPECT_EQ(failure({}).kind(), ErrorKind::unreachable);
    {
        const OwnedFd listener = sys::unix_listen(socket_, 1).value();
    }
    EXPECT_EQ(failure({}).kind(), ErrorKind::unreachable);
}

TEST_F(HandshakeTest, APeerThatNeverAnswersIsGivenUpInTime) {
    const OwnedFd listener = sys::unix_listen(socket_, 1).value();
    const Error error = failure({.handshake_timeout = 300ms});
    EXPECT_EQ(error.kind(), ErrorKind::timed_out);
    EXPECT_NE(error.to_string().find("0.3 s"), std::string::npos) << error.to_string();
    EXPECT_GE(took_, 300ms);
}

TEST_F(HandshakeTest, APeerThatAnswersAByteAtATimeIsGivenUpInTime) {
    const OwnedFd listener = sys::unix_listen(socket_, 1).value();
    std::jthread trickle([&](const std::stop_token& stop) {
        const OwnedFd peer(::accept(listener.get(), nullptr, nullptr));
        const std::uint8_t range[8] = {0, 0, 0, 1, 0, 0, 1, 0};
        (void)sys::write_all(peer.get(), range);
        for (std::uint8_t byte = 0; !stop.stop_requested(); std::this_thread::sleep_for(20ms))
            (void)::send(peer.get(), &byte, 1, MSG_NOSIGNAL);
    });
    // Four zero bytes would be a frame without a body: the length itself never completes in time.
    EXPECT_NE(failure({.handshake_timeout = 50ms}).kind(), ErrorKind::system);
}

TEST_F(HandshakeTest, AFullBacklogIsGivenUpInTime) {
    const OwnedFd listener = sys::unix_listen(socket_, 0).value();
    std::vector<OwnedFd> waiting;
    for (int i = 0; i < 2; ++i)
        if (auto connected = sys::unix_connect(socket_, 50ms))
            waiting.push_back(std::move(*connected));
    const Error error = failure({.connect_timeout = 200ms});
    EXPECT_EQ(error.kind(), ErrorKind::timed_out) << error.to_string();
    EXPECT_LT(took_, 10s);
}

TEST_F(HandshakeTest, AnEndingPeerIsUnreachable) {
    const OwnedFd listener = sys::unix_listen(socket_, 1).value();
    std::jthread hang_up([&] { OwnedFd(::accept(listener.get(), nullptr, nullptr)).reset(); });
    EXPECT_EQ(failure({}).kind(), ErrorKind::unreachable);
}

TEST_F(HandshakeTest, WaitingCanBeCancelled) {
    const OwnedFd listener = sys::unix_listen(socket_, 1).value();
    int asked = 0;
    ConnectOptions options;
    options.cancelled = [&] { return ++asked > 2; };
    EXPECT_EQ(failure(options).kind(), ErrorKind::cancelled);
}

TEST_F(HandshakeTest, NonsenseIsAProtocolError) {
    const OwnedFd listener = sys::unix_listen(socket_, 1).value();
    std::jthread talk([&] {
        const OwnedFd peer(::accept(listener.get(), nullptr, nullptr));
        (void)sys::write_all(peer.get(), as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
    });
    EXPECT_EQ(failure({}).kind(), ErrorKind::protocol);
}

} // namespace
} // namespace msb
