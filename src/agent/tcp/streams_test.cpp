// core.tcp.* of the serving half, against real sockets on the host.
#include "agent/serve/server_testing.hpp"
#include "agent/tcp/streams.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/un.h>

namespace msb::agent {
namespace {

constexpr std::size_t megabyte = std::size_t{1} << 20;

/// A destination: a listener on loopback and what it accepted.
class Destination {
  public:
    Destination() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)),
                  0);
        EXPECT_EQ(::listen(listener_.get(), 16), 0);
        socklen_t size = sizeof(address);
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
    }

    std::uint16_t port() const { return port_; }
    void stop_listening() { listener_.reset(); }
    OwnedFd accept() const {
        return OwnedFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    }

  private:
    OwnedFd listener_;
    std::uint16_t port_ = 0;
};

class TcpTest : public ServerTest {
  protected:
    TcpTest() : client_(std::make_unique<TestClient>(*server_)) {}

    bool accepted(OwnedFd& peer) const {
        if (!peer)
            peer = destination_.accept();
        return bool{peer};
    }
    /// Connects stream `id` and returns the destination's end.
    OwnedFd connect(std::uint32_t id, bool flow = false, std::optional<std::uint32_t> window = {}) {
        client_->send(id, wire::TcpConnect{"127.0.0.1", destination_.port(), flow, window});
        OwnedFd peer;
        EXPECT_TRUE(client_->until([&] { return accepted(peer); }));
        if (flow) {
            const Received grant = client_->next();
            EXPECT_EQ(grant.as<wire::FlowWindow>().bytes,
                      wire::ReceiveWindow::size - wire::initial_window);
        }
        EXPECT_EQ(client_->next().type, wire::TcpConnected::type);
        return peer;
    }
    /// What the destination's end receives until `size` bytes or its end.
    std::string receive(const OwnedFd& peer, std::size_t size) {
        std::string data;
        ended_ = false;
        client_->until([&] {
            if (data.size() >= size || ended_)
                return true; // asked once more at the end
            char buffer[65536];
            const ssize_t count = ::recv(peer.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
            if (count > 0)
                data.append(buffer, static_cast<std::size_t>(count));
            ended_ = count == 0 || (count < 0 && errno != EAGAIN);
            receive_error_ = count < 0 ? errno : 0;
            return data.size() >= size || ended_;
        });
        return data;
    }
    static void send(const OwnedFd& peer, std::string_view text) {
        EXPECT_EQ(::send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
    }
    static void reset(OwnedFd& peer) {
        const linger now{1, 0};
        ::setsockopt(peer.get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        peer.reset();
    }
    /// Bytes of core.tcp.data until `size` of them, or another frame, which is kept in last_.
    std::string data_of(std::uint32_t id, std::size_t size) {
        std::string data;
        while (data.size() < size) {
            last_ = client_->next();
            EXPECT_EQ(last_.id, id);
            if (last_.type != wire::TcpData::type)
                break;
            data += as_text(last_.as<wire::TcpData>().data);
        }
        return data;
    }

    Destination destination_;
    std::unique_ptr<TestClient> client_;
    Received last_;
    bool ended_ = false;
    int receive_error_ = 0;
};

TEST_F(TcpTest, BothWaysAndBothEnds) {
    const OwnedFd peer = connect(1);
    client_->send(1, wire::TcpData{as_bytes("question")});
    EXPECT_EQ(receive(peer, 8), "question");
    send(peer, "answer");
    EXPECT_EQ(data_of(1, 6), "answer");
    EXPECT_EQ(server_->activity().active_tcp_streams, 1U);
    EXPECT_EQ(server_->activity().activity_counters.tcp_bytes, 14U);
    EXPECT_EQ(server_->activity().active_exec_sessions, 0U);

    client_->send(1, wire::TcpEof{});
    EXPECT_EQ(receive(peer, 1), "");
    EXPECT_TRUE(ended_);
    send(peer, "more"); // the other half goes on
    EXPECT_EQ(data_of(1, 4), "more");
    ::shutdown(peer.get(), SHUT_WR);
    EXPECT_EQ(client_->next().type, wire::TcpEof::type);
    const Received end = client_->next();
    EXPECT_EQ(end.type, wire::TcpClosed::type);
    EXPECT_EQ(end.flags, wire::flag_terminal);
    EXPECT_EQ(server_->activity().active_tcp_streams, 0U);
    // Late frames are no errors, and the id can be used again.
    client_->send(1, wire::TcpData{as_bytes("late")});
    client_->send(1, wire::TcpClose{});
    connect(1);
}

TEST_F(TcpTest, DestinationEndsFirst) {
    const OwnedFd peer = connect(1);
    send(peer, "greeting");
    ::shutdown(peer.get(), SHUT_WR);
    EXPECT_EQ(data_of(1, 100), "greeting");
    EXPECT_EQ(last_.type, wire::TcpEof::type);
    client_->send(1, wire::TcpData{as_bytes("still heard")});
    EXPECT_EQ(receive(peer, 11), "still heard");
    client_->send(1, wire::TcpEof{});
    EXPECT_EQ(client_->next().type, wire::TcpClosed::type);
    EXPECT_EQ(receive(peer, 1), "");
    EXPECT_TRUE(ended_ && receive_error_ == 0);
}

TEST_F(TcpTest, DataSentBeforeTheConnectionStands) {
    client_->send(1, wire::TcpConnect{"localhost", destination_.port(), false, {}});
    client_->send(1, wire::TcpData{as_bytes("early")});
    client_->send(1, wire::TcpEof{});
    OwnedFd peer;
    ASSERT_TRUE(client_->until([&] { return accepted(peer); }));
    EXPECT_EQ(receive(peer, 100), "early");
}

TEST_F(TcpTest, Refusals) {
    const auto failure = [&](const wire::TcpConnect& request) {
        client_->send(7, request);
        const Received frame = client_->next();
        EXPECT_EQ(frame.flags, wire::flag_terminal);
        return frame.as<wire::TcpFailed>();
    };
    const std::uint16_t port = destination_.port();
    destination_.stop_listening();
    auto failed = failure({"localhost", port, false, {}});
    EXPECT_EQ(failed.sys_errno, ECONNREFUSED);
    EXPECT_EQ(failed.stage, "connect");
    EXPECT_EQ(failed.error,
              "cannot connect to localhost:" + std::to_string(port) + ": connection refused");
    EXPECT_EQ(failure({"127.0.0.1", 0, false, {}}).sys_errno, EINVAL);
    EXPECT_EQ(failure({"unix:/no/such/socket", 0, false, {}}).sys_errno, ENOENT);
    EXPECT_EQ(failure({"unix:relative", 0, false, {}}).sys_errno, EINVAL);
    EXPECT_EQ(failure({"unix:/" + std::string(120, 'x'), 0, false, {}}).sys_errno, EINVAL);
    EXPECT_EQ(failure({std::string(300, 'x'), 80, false, {}}).sys_errno, ENAMETOOLONG);
    failed = failure({"not a name..", 80, false, {}});
    EXPECT_EQ(failed.stage, "resolve");
    EXPECT_NE(failed.error.find("cannot resolve \"not a name..\""), std::string::npos);

    const OwnedFd peer = [&] {
        destination_ = Destination();
        return connect(9);
    }();
    client_->send(9, wire::TcpConnect{"127.0.0.1", destination_.port(), false, {}});
    EXPECT_EQ(client_->next().as<wire::CoreError>().kind, wire::CoreErrorKind::invalid_session);
    client_->send(9, shell("true"));
    EXPECT_EQ(client_->next().as<wire::CoreError>().kind, wire::CoreErrorKind::invalid_session);
    client_->send(0, wire::TcpConnect{"127.0.0.1", destination_.port(), false, {}});
    EXPECT_EQ(client_->next().as<wire::CoreError>().kind, wire::CoreErrorKind::invalid_session);
    server_->request_shutdown({});
    EXPECT_EQ(failure({"127.0.0.1", destination_.port(), false, {}}).sys_errno, ESHUTDOWN);
}

TEST_F(TcpTest, ResetByTheDestination) {
    OwnedFd peer = connect(1);
    reset(peer);
    auto failed = client_->next().as<wire::TcpFailed>();
    EXPECT_EQ(failed.sys_errno, ECONNRESET);
    EXPECT_EQ(failed.stage, "stream");
    // After its end of data, too: what we send is lost, and that is no good end.
    peer = connect(2);
    ::shutdown(peer.get(), SHUT_WR);
    EXPECT_EQ(client_->next().type, wire::TcpEof::type);
    reset(peer);
    EXPECT_EQ(client_->next().as<wire::TcpFailed>().stage, "stream");
}

TEST_F(TcpTest, ClosedByTheClient) {
    OwnedFd peer = connect(1);
    client_->send(1, wire::TcpData{as_bytes("all of it")});
    client_->send(1, wire::TcpClose{});
    EXPECT_EQ(client_->next().type, wire::TcpClosed::type);
    EXPECT_EQ(receive(peer, 100), "all of it");
    EXPECT_TRUE(ended_ && receive_error_ == 0);

    peer = connect(2);
    client_->send(2, wire::TcpClose{.reset = true});
    EXPECT_EQ(client_->next().type, wire::TcpClosed::type);
    receive(peer, 1);
    EXPECT_EQ(receive_error_, ECONNRESET);

    // While it is still looked up or on its way.
    client_->send(3, wire::TcpConnect{"unix:/no/such/socket", 0, false, {}});
    client_->send(3, wire::TcpClose{});
    Received frame = client_->next();
    EXPECT_TRUE(frame.type == wire::TcpClosed::type || frame.type == wire::TcpFailed::type);

    // A client that vanished did not finish.
    peer = connect(4);
    client_->disconnect();
    ASSERT_TRUE([&] {
        for (int i = 0; i < 500 && server_->client_count() > 0; ++i)
            (void)server_->step(2ms);
        return server_->client_count() == 0;
    }());
    char byte;
    EXPECT_EQ(::recv(peer.get(), &byte, 1, MSG_DONTWAIT), -1);
    EXPECT_EQ(errno, ECONNRESET);
}

TEST_F(TcpTest, ManyBytesEachWay) {
    const OwnedFd peer = connect(1);
    std::string sent(8 * megabyte, '\0');
    for (std::size_t i = 0; i < sent.size(); ++i)
        sent[i] = static_cast<char>(i * 2654435761U >> 24);
    for (std::size_t at = 0; at < sent.size(); at += 65536)
        client_->send(1, wire::TcpData{as_bytes(std::string_view(sent).substr(at, 65536))});
    client_->send(1, wire::TcpEof{});
    EXPECT_TRUE(receive(peer, sent.size()) == sent);
    std::size_t written = 0;
    std::string received;
    while (received.size() < sent.size()) {
        const ssize_t count = ::send(peer.get(), sent.data() + written, sent.size() - written,
                                     MSG_DONTWAIT | MSG_NOSIGNAL);
        written += count > 0 ? static_cast<std::size_t>(count) : 0;
        const std::string more = data_of(1, 1);
        ASSERT_FALSE(more.empty());
        received += more;
    }
    EXPECT_TRUE(received == sent);
}

/// Without windows the client is not read from once a destination is too far behind.
TEST_F(TcpTest, DestinationThatDoesNotReadStopsAClientWithoutWindows) {
    const OwnedFd peer = connect(1);
    const Bytes piece(65536);
    for (int i = 0; i < 256; ++i)
        client_->send(1, wire::TcpData{piece});
    client_->send(2, wire::Ping{});
    for (int i = 0; i < 300; ++i)
        client_->step();
    EXPECT_GT(client_->unsent(), 0U);
    EXPECT_EQ(receive(peer, 256 * piece.size()).size(), 256 * piece.size());
    EXPECT_EQ(client_->next().type, wire::Pong::type);
}

TEST_F(TcpTest, WithWindowsOtherStreamsGoOn) {
    const OwnedFd stuck = connect(1, true);
    const OwnedFd fine = connect(2, true);
    // Everything that the window allows, until it is not opened any more.
    const Bytes piece(65536);
    std::uint64_t window = wire::ReceiveWindow::size;
    std::size_t sent = 0;
    const auto deadline = EventLoop::Clock::now() + 10s;
    for (int idle = 0; idle < 50 && EventLoop::Clock::now() < deadline; ++idle) {
        while (window >= piece.size()) {
            client_->send(1, wire::TcpData{piece});
            window -= piece.size();
            sent += piece.size();
            idle = 0;
        }
        client_->step();
        while (client_->has_frame())
            window += client_->next().as<wire::FlowWindow>().bytes;
    }
    EXPECT_LT(window, piece.size());
    client_->send(2, wire::TcpData{as_bytes("alive")});
    EXPECT_EQ(receive(fine, 5), "alive");
    send(fine, "well");
    EXPECT_EQ(data_of(2, 4), "well");
    // Reading opens the window again.
    EXPECT_EQ(receive(stuck, sent).size(), sent);
    EXPECT_TRUE(client_->until([&] { return client_->has_frame(); }));
    EXPECT_EQ(client_->next().type, wire::FlowWindow::type);
}

TEST_F(TcpTest, TheClientsWindowIsRespected) {
    const OwnedFd peer = connect(1, false, 10);
    send(peer, "0123456789abcdef");
    EXPECT_EQ(data_of(1, 10), "0123456789");
    for (int i = 0; i < 20; ++i)
        client_->step();
    EXPECT_FALSE(client_->has_frame());
    client_->send(1, wire::FlowWindow{4});
    EXPECT_EQ(data_of(1, 4), "abcd");
    // What the destination said before it left still comes, and then the reason.
    client_->send(1, wire::TcpEof{});
    EXPECT_EQ(receive(peer, 1), "");
    ::shutdown(peer.get(), SHUT_WR);
    for (int i = 0; i < 20; ++i)
        client_->step();
    EXPECT_FALSE(client_->has_frame());
    client_->send(1, wire::FlowWindow{UINT64_MAX});
    EXPECT_EQ(data_of(1, 100), "ef");
    EXPECT_EQ(last_.type, wire::TcpEof::type);
    EXPECT_EQ(client_->next().type, wire::TcpClosed::type);
}

TEST_F(TcpTest, UnixSocket) {
    const std::string path = ::testing::TempDir() + "tcp_test." + std::to_string(::getpid());
    const OwnedFd listener = *sys::unix_listen(path, 1);
    ASSERT_TRUE(sys::set_nonblocking(listener.get()));
    client_->send(1, wire::TcpConnect{"unix:" + path, 0, false, {}});
    ASSERT_EQ(client_->next().type, wire::TcpConnected::type);
    OwnedFd peer(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    ASSERT_TRUE(peer);
    client_->send(1, wire::TcpData{as_bytes("hello")});
    EXPECT_EQ(receive(peer, 5), "hello");
    send(peer, "bye");
    peer.reset(); // a Unix socket that is closed is closed both ways
    EXPECT_EQ(data_of(1, 100), "bye");
    EXPECT_EQ(last_.type, wire::TcpEof::type);
    EXPECT_EQ(client_->next().type, wire::TcpClosed::type);

    // A full backlog is waited for: 1 + 1 connections fit.
    for (std::uint32_t id = 10; id < 13; ++id)
        client_->send(id, wire::TcpConnect{"unix:" + path, 0, false, {}});
    EXPECT_EQ(client_->next().type, wire::TcpConnected::type);
    EXPECT_EQ(client_->next().type, wire::TcpConnected::type);
    for (int i = 0; i < 20; ++i)
        client_->step();
    EXPECT_FALSE(client_->has_frame());
    const OwnedFd first(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    EXPECT_EQ(client_->next().type, wire::TcpConnected::type);
    ::unlink(path.c_str());
}

TEST_F(TcpTest, AbstractUnixSocket) {
    const std::string name = "msb-tcp-test-" + std::to_string(::getpid());
    const OwnedFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path + 1, sizeof(address.sun_path) - 1);
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address),
                     static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size())),
              0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    client_->send(1, wire::TcpConnect{"unix:@" + name, 0, false, {}});
    EXPECT_EQ(client_->next().type, wire::TcpConnected::type);
}

/// A listener that nobody accepts from, and whose backlog is full, answers no one.
class TcpTimeoutTest : public TcpTest {
  protected:
    TcpTimeoutTest() {
        client_.reset();
        Config config;
        config.switch_user = ::getuid() == 0;
        config.connect_timeout = 20ms;
        configure(std::move(config));
        client_ = std::make_unique<TestClient>(*server_);
    }
    void expect_timeout(const wire::TcpConnect& request) {
        client_->send(1, request);
        client_->send(1, wire::TcpData{as_bytes("early")});
        const Received frame = client_->next();
        EXPECT_EQ(frame.id, 1U);
        EXPECT_EQ(frame.type, wire::TcpFailed::type);
        EXPECT_EQ(frame.flags, wire::flag_terminal);
        const auto failed = frame.as<wire::TcpFailed>();
        EXPECT_EQ(failed.sys_errno, ETIMEDOUT);
        EXPECT_EQ(failed.stage, "connect");
        EXPECT_EQ(server_->activity().active_tcp_streams, 0U);
        // It was the last one, and others are served.
        client_->send(2, wire::Ping{});
        EXPECT_EQ(client_->next().type, wire::Pong::type);
        EXPECT_FALSE(client_->has_frame());
    }
};

TEST_F(TcpTimeoutTest, TcpPort) {
    const OwnedFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(::bind(listener.get(), generic, size), 0);
    ASSERT_EQ(::listen(listener.get(), 0), 0); // room for one
    ASSERT_EQ(::getsockname(listener.get(), generic, &size), 0);
    const OwnedFd first(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(first.get(), generic, size), 0);
    ASSERT_TRUE(*sys::wait_for(listener.get(), POLLIN, 10s));
    expect_timeout({"127.0.0.1", ntohs(address.sin_port), false, {}});
}

TEST_F(TcpTimeoutTest, UnixSocket) {
    const std::string path = ::testing::TempDir() + "tcp_test." + std::to_string(::getpid());
    const OwnedFd listener = *sys::unix_listen(path, 0);
    const OwnedFd first = *sys::unix_connect(path);
    expect_timeout({"unix:" + path, 0, false, {}});
    ::unlink(path.c_str());
}

TEST_F(TcpTest, ManyAtOnceAndTheLimit) {
    std::vector<OwnedFd> peers;
    for (std::uint32_t id = 1; id <= 256; ++id)
        peers.push_back(connect(id));
    client_->send(300, wire::TcpConnect{"127.0.0.1", destination_.port(), false, {}});
    EXPECT_EQ(client_->next().as<wire::TcpFailed>().sys_errno, EAGAIN);
    for (std::uint32_t id = 1; id <= 256; ++id)
        client_->send(id, wire::TcpData{as_bytes(std::to_string(id))});
    for (std::uint32_t id = 1; id <= 256; ++id) {
        const std::string text = std::to_string(id);
        EXPECT_EQ(receive(peers[id - 1], text.size()), text);
    }
}

} // namespace
} // namespace msb::agent
