// Connections that a client makes from inside the guest (core.tcp.*), to TCP ports and to Unix
// stream sockets.
//
// A stream passes through looking the name up, connecting, and open, where both directions are
// independent: each ends with its own end of data (core.tcp.eof). It ends with exactly one terminal
// frame, whatever happens: core.tcp.closed when both directions are done or the client closed it,
// core.tcp.failed when it cannot be made or breaks.
//
// What the destination does not read waits here, up to a bound. A client that asked for windows
// (`flow`) never gets there; any other is not read from until there is room. What the client does
// not want (`window`), or cannot take now, waits in the kernel.
#pragma once

#include "agent/core/channel.hpp"
#include "agent/core/services.hpp"
#include "agent/tcp/resolve.hpp"
#include "base/event_loop.hpp"
#include "base/out_buffer.hpp"
#include "wire/flow.hpp"
#include "wire/messages.hpp"

#include <atomic>
#include <memory>
#include <unordered_map>

namespace msb::agent {

class TcpStreams;

class TcpStream {
  public:
    struct Attempt; ///< to connect; see streams.cpp

    TcpStream(Services& services, Channel& channel, TcpStreams& owner, std::uint32_t id);
    /// Resets the connection unless the stream has ended: nobody may take what was sent so far for
    /// everything.
    ~TcpStream();
    TcpStream(const TcpStream&) = delete;
    TcpStream& operator=(const TcpStream&) = delete;

    // Each may delete the stream.
    void start(const wire::TcpConnect& request);
    void write(BytesView data);
    void finish_writing();
    void close(bool reset);
    void grant(std::uint64_t bytes);
    /// The connection to the client got full, or has room again.
    void update_interest();

    static constexpr std::size_t pending_bound = wire::ReceiveWindow::size;

  private:
    /// Shared with the thread that looks a name up or walks to a Unix socket.
    struct Lookup;
    using Clock = EventLoop::Clock;

    void look_up(const std::string& host);
    void connect_next();
    bool connect_to(const IpAddress& address);
    void on_connect_event();
    void give_up_attempt();
    void connect_unix(const std::string& path);
    void tried_unix(const std::string& path);
    void opened(OwnedFd socket);
    void start_timer(Clock::duration time, void (TcpStream::*expired)());
    void stop_timer();
    void stop_watching();

    void on_event(std::uint32_t events);
    bool may_read() const;
    bool read_once();
    bool pump();
    void write_some(BytesView& data);
    void shut_down_writing();
    void fail_writing(int reason);
    void took(std::size_t bytes);
    void set_over_bound();
    bool hang_up();
    bool finish_if_done();
    void fail(std::string_view stage, int reason, std::string message);
    template <typename M> void end(const M& message);

    Services& services_;
    Channel& channel_;
    TcpStreams& owner_;
    std::uint32_t id_;
    std::string target_; ///< for messages
    std::uint16_t port_ = 0;
    std::shared_ptr<Lookup> lookup_;
    std::vector<IpAddress> addresses_;
    std::size_t next_address_ = 0;
    int last_error_ = 0;
    Clock::time_point deadline_{};
    EventLoop::TimerId timer_ = 0;

    OwnedFd socket_;
    bool open_ = false;
    bool watched_ = false;
    std::uint32_t interest_ = 0;
    bool hung_up_ = false; ///< the kernel says that nothing more will come
    bool ended_ = false;

    bool read_done_ = false;
    std::uint64_t read_window_ = wire::SendWindow::unlimited;

    OutBuffer pending_; ///< for the destination
    bool over_bound_ = false;
    bool finishing_ = false; ///< the end of data follows what is pending
    bool write_done_ = false;
    int write_error_ = 0;
    wire::ReceiveWindow write_window_{false};
};

/// The streams of one client.
class TcpStreams {
  public:
    TcpStreams(Services& services, Channel& channel) : services_(services), channel_(channel) {}

    bool contains(std::uint32_t id) const { return streams_.contains(id); }
    std::size_t size() const { return streams_.size(); }
    void connect(std::uint32_t id, const wire::TcpConnect& request);
    /// None if it has ended: frames for it may cross its last one on the way.
    TcpStream* find(std::uint32_t id);
    void remove(std::uint32_t id) { streams_.erase(id); }
    void clear() { streams_.clear(); }

    /// Some destination is so far behind that the client is not read from.
    bool over_bound() const { return over_bound_ > 0; }
    void bound_changed(bool over);
    void update_interest();

    static constexpr std::size_t max_streams = 256;

  private:
    Services& services_;
    Channel& channel_;
    std::size_t over_bound_ = 0;
    std::unordered_map<std::uint32_t, std::unique_ptr<TcpStream>> streams_;
};

} // namespace msb::agent
