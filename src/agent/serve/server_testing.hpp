// The serving half against real processes on the host, over socket pairs: what its tests share.
#pragma once

#include "agent/serve/server.hpp"
#include "base/out_buffer.hpp"
#include "base/system.hpp"
#include "wire/all_messages.hpp"

#include <cerrno>
#include <deque>
#include <gtest/gtest.h>
#include <map>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace msb::agent {

using namespace std::chrono_literals;

/// A frame whose body was copied out of the reader.
struct Received {
    std::uint32_t id;
    std::uint8_t flags;
    std::string type;
    Bytes payload;

    template <typename M> M as() const {
        auto message = M::decode(payload);
        EXPECT_TRUE(message) << type;
        return message ? std::move(*message) : M{};
    }
};

/// Everything one command said.
struct Outcome {
    bool started = false;
    std::string out;
    std::string err;
    std::optional<wire::ExecExited> exited;
    std::optional<wire::ExecFailed> failed;
    std::optional<wire::ExecStdinError> input_error;
    std::optional<wire::CoreError> error;
    bool ended() const { return exited || failed || error; }
};

/// A client's connection. Derived classes say what to do with frames.
class ClientConnection {
  public:
    explicit ClientConnection(Server& server) : server_(server) {
        auto pair = *sys::socket_pair(SOCK_STREAM | SOCK_NONBLOCK);
        socket_ = std::move(pair[0]);
        server.add_client(std::move(pair[1]));
    }
    virtual ~ClientConnection() = default;
    ClientConnection(const ClientConnection&) = delete;
    ClientConnection& operator=(const ClientConnection&) = delete;

    template <typename M> void send(std::uint32_t id, const M& message) {
        wire::append_message(unsent_.tail(), id, message);
    }
    void send_raw(BytesView bytes) { unsent_.append(bytes); }
    std::size_t unsent() const { return unsent_.size(); }

    /// One round of the server and of this client.
    void step(bool read = true) {
        if (!unsent_.empty()) {
            const BytesView data = unsent_.view();
            const ssize_t count =
                ::send(socket_.get(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (count > 0)
                unsent_.consume(static_cast<std::size_t>(count));
        }
        ASSERT_TRUE(server_.step(2ms));
        if (read)
            receive();
    }
    /// Steps until `done`, at most 20 seconds.
    bool until(const std::function<bool()>& done) {
        const auto deadline = EventLoop::Clock::now() + 20s;
        while (!done() && EventLoop::Clock::now() < deadline)
            step();
        return done();
    }
    bool closed() const { return closed_; }
    void disconnect() { socket_.reset(); }

  protected:
    virtual void take(const wire::Frame& frame, const wire::Envelope& envelope) = 0;

  private:
    void receive() {
        Bytes buffer(std::size_t{1} << 20);
        const ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        closed_ = closed_ || count == 0 || (count < 0 && errno == ECONNRESET);
        if (count <= 0)
            return;
        reader_.feed(BytesView(buffer).first(static_cast<std::size_t>(count)));
        while (const auto frame = *reader_.next())
            take(*frame, *wire::decode_envelope(frame->body));
    }

    Server& server_;
    OwnedFd socket_;
    wire::FrameReader reader_;
    OutBuffer unsent_;
    bool closed_ = false;
};

class TestClient : public ClientConnection {
  public:
    using ClientConnection::ClientConnection;

    Received next() {
        EXPECT_TRUE(until([&] { return !frames_.empty() || closed(); }));
        if (frames_.empty())
            return {};
        Received frame = std::move(frames_.front());
        frames_.pop_front();
        return frame;
    }
    Outcome& outcome(std::uint32_t id) {
        collect();
        return outcomes_[id];
    }
    const Outcome& wait_for(std::uint32_t id) {
        EXPECT_TRUE(until([&] { return outcome(id).ended(); }));
        return outcomes_[id];
    }
    const Outcome& run(const wire::ExecRequest& request, std::string_view input = {}) {
        const std::uint32_t id = ++last_id_;
        send(id, request);
        if (!input.empty())
            send(id, wire::ExecStdin{as_bytes(input)});
        send(id, wire::ExecStdin{});
        return wait_for(id);
    }
    std::uint32_t start(const wire::ExecRequest& request) {
        send(++last_id_, request);
        EXPECT_TRUE(until([&] { return outcome(last_id_).started || outcome(last_id_).ended(); }));
        return last_id_;
    }
    bool has_frame() const { return !frames_.empty(); }

  private:
    void take(const wire::Frame& frame, const wire::Envelope& envelope) override {
        frames_.push_back({frame.id, frame.flags, std::string(envelope.type),
                           Bytes(envelope.payload.begin(), envelope.payload.end())});
    }
    void collect() {
        for (const Received& frame : std::exchange(frames_, {})) {
            Outcome& outcome = outcomes_[frame.id];
            if (frame.type == wire::ExecStarted::type)
                outcome.started = true;
            else if (frame.type == wire::ExecStdout::type)
                outcome.out += as_text(frame.as<wire::ExecStdout>().data);
            else if (frame.type == wire::ExecStderr::type)
                outcome.err += as_text(frame.as<wire::ExecStderr>().data);
            else if (frame.type == wire::ExecExited::type)
                outcome.exited = frame.as<wire::ExecExited>();
            else if (frame.type == wire::ExecFailed::type)
                outcome.failed = frame.as<wire::ExecFailed>();
            else if (frame.type == wire::ExecStdinError::type)
                outcome.input_error = frame.as<wire::ExecStdinError>();
            else if (frame.type == wire::CoreError::type)
                outcome.error = frame.as<wire::CoreError>();
        }
    }

    std::deque<Received> frames_;
    std::map<std::uint32_t, Outcome> outcomes_;
    std::uint32_t last_id_ = 0;
};

inline wire::ExecRequest shell(std::string script) {
    wire::ExecRequest request;
    request.cmd = "/bin/sh";
    request.args = {"-c", std::move(script)};
    return request;
}

class ServerTest : public ::testing::Test {
  protected:
    ServerTest() {
        // The server kills and reaps as PID 1 does; orphans of the commands come to us.
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        loop_ = *EventLoop::create();
        Config config;
        config.switch_user = ::getuid() == 0;
        config.environment = {{"FROM", "sandbox"}};
        server_ = *Server::create(*loop_, std::move(config));
    }
    /// A second server would fight for the same children, so each test may replace the one it has.
    void configure(Config config) {
        server_.reset();
        server_ = *Server::create(*loop_, std::move(config));
    }

    std::unique_ptr<EventLoop> loop_;
    std::unique_ptr<Server> server_;
};

} // namespace msb::agent
