// The table of TCP connections between the guest and the host's network.
#pragma once

#include "base/event_loop.hpp"
#include "net/dialer.hpp"
#include "net/output.hpp"
#include "net/publish/use.hpp"
#include "net/tcp/connection.hpp"

#include <deque>
#include <map>
#include <memory>
#include <span>
#include <vector>

namespace msb::net {

class Tcp {
  public:
    Tcp(EventLoop& loop, Output& output, Dialer& dialer, PublishedUse& published_use,
        std::size_t max_connections)
        : loop_(loop), output_(output), dialer_(dialer), published_use_(published_use),
          max_connections_(max_connections) {}
    ~Tcp();

    void segment(const IpPacket& packet, bool verify);
    /// A connection accepted on a published port goes on to the guest, which sees it come from its
    /// gateway, with the peer's own port if that is free. Reset if there are too many. `places`, at
    /// least one: where it leads; to the next if the guest refuses. `tell_accepted`: the other end of
    /// the socket is another sandbox's netd, and waits for word that the guest has taken it.
    void accept(OwnedFd socket, std::span<const GuestPort> places, std::uint16_t peer_port,
                FlowRecord record = {}, bool tell_accepted = false);
    void room();
    void frames_done();
    void link_reset();
    void policy_changed(std::size_t max_connections);

    std::size_t count() const { return connections_.size(); }
    /// Connections that wait for room on the link, and bytes in the queues of all.
    std::size_t waiting() const { return waiting_.size(); }
    std::size_t buffered() const;

  private:
    friend class TcpConnection;
    using Key = std::pair<Endpoint, Endpoint>; ///< the guest's, the remote's
    using Connection = std::shared_ptr<TcpConnection>;
    /// Of all connections in one direction, from the number on that would have more.
    static constexpr std::size_t queue_budget = std::size_t{16} << 20;
    static constexpr std::size_t least_queue = std::size_t{16} << 10;

    void open(const TcpSegment& segment);
    void refuse(const TcpSegment& segment);
    void send_reset(TcpSegment reset);
    void wait_for_room(TcpConnection& connection);
    void serve_later(TcpConnection& connection);
    void deadline_set();
    void tick();
    void forget(TcpConnection& connection);
    std::size_t embryonic() const;
    /// What one queue of a connection may hold: many connections share what few have for
    /// themselves.
    std::size_t queue_limit() const;
    std::uint16_t segment_size(bool ipv6) const;

    EventLoop& loop_;
    Output& output_;
    Dialer& dialer_;
    PublishedUse& published_use_;
    std::size_t max_connections_;
    std::map<Key, Connection> connections_;
    std::deque<Connection> waiting_; ///< for room on the link, served in turn
    std::vector<Connection> due_;    ///< what frames_done() serves
    std::deque<TcpSegment> resets_;  ///< that the link had no room for
    EventLoop::TimerId timer_ = 0;
};

} // namespace msb::net
