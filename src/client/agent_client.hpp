// A client's connection to a sandbox's agent socket (wire protocol generation 7).
#pragma once

#include "base/event_loop.hpp"
#include "base/fd.hpp"
#include "base/out_buffer.hpp"
#include "base/result.hpp"
#include "wire/messages.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

namespace msb {

struct ConnectOptions {
    std::chrono::milliseconds connect_timeout{10'000}; ///< for the socket to take us
    /// For the whole handshake after that, however slowly the peer sends it.
    std::chrono::milliseconds handshake_timeout{30'000};
    /// Called about every 100 ms while waiting; true gives up (ErrorKind::cancelled).
    std::function<bool()> cancelled;
    /// Asked when the sandbox has closed the connection: why it ended, if that is known. Empty: no.
    std::function<std::string()> why_ended;
};

/// Lives on one EventLoop; none of its members may be called from another thread.
class AgentClient {
  public:
    using FrameHandler = std::function<void(const wire::Frame&, const wire::Envelope&)>;
    using ClosedHandler = std::function<void(const Error&)>;

    /// Connects and waits for the relay's handshake: id range, then core.ready (the sandbox may
    /// still be booting). unreachable: nobody serves the socket, or the sandbox ended meanwhile.
    static Result<std::unique_ptr<AgentClient>> connect(EventLoop& loop, const std::string& socket,
                                                        const ConnectOptions& options = {});
    /// The same over a socket that somebody else has connected.
    static Result<std::unique_ptr<AgentClient>> adopt(EventLoop& loop, OwnedFd socket,
                                                      const ConnectOptions& options = {});
    ~AgentClient();
    AgentClient(const AgentClient&) = delete;
    AgentClient& operator=(const AgentClient&) = delete;

    const wire::Ready& ready() const { return ready_; }
    /// Its descriptor, only to tell this connection from others.
    int socket() const { return socket_.get(); }
    /// Process id of the runtime, in our pid namespace (SO_PEERCRED).
    Result<int> peer_pid() const;

    /// A correlation id that is not in use; frames that carry it go to `handler` until release().
    std::uint32_t open_id(FrameHandler handler);
    void release(std::uint32_t id);

    template <typename M> void send(std::uint32_t id, const M& message) {
        wire::append_message(out_.tail(), id, message);
        flush();
    }
    /// Bytes accepted by send() but not yet by the socket. Senders of bulk data pause above
    /// `high_water` and go on at the drained handler.
    std::size_t queued() const { return out_.size(); }
    static constexpr std::size_t high_water = std::size_t{1} << 20;

    void on_closed(ClosedHandler handler) { closed_ = std::move(handler); }
    void on_drained(std::function<void()> handler) { drained_ = std::move(handler); }
    /// Stops and restarts reading, so that a slow consumer slows the guest and nothing piles up.
    void pause_reading(bool paused);

  private:
    AgentClient(EventLoop& loop, OwnedFd socket) : loop_(loop), socket_(std::move(socket)) {}
    Status handshake(const ConnectOptions& options);
    Status read_exactly(MutableBytesView buffer, const ConnectOptions& options,
                        std::chrono::steady_clock::time_point deadline);
    void handle_events(std::uint32_t events);
    void read_frames();
    void flush();
    void update_events();
    void close(const Error& error);
    void close_ended();

    EventLoop& loop_;
    OwnedFd socket_;
    std::uint32_t id_start_ = 0;
    std::uint32_t id_end_ = 0;
    std::uint32_t next_id_ = 0;
    wire::Ready ready_;
    wire::FrameReader in_;
    OutBuffer out_;
    bool paused_ = false;
    bool watched_ = false;
    std::unordered_map<std::uint32_t, std::shared_ptr<FrameHandler>> handlers_;
    ClosedHandler closed_;
    std::function<void()> drained_;
    std::function<std::string()> why_ended_;
};

} // namespace msb
