#include "net/tcp/tcp.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <sys/random.h>

namespace msb::net {

namespace {

constexpr auto tick_period = std::chrono::milliseconds(100);
constexpr std::size_t max_waiting_resets = 256;
constexpr std::uint16_t first_port = 49152;

} // namespace

Tcp::~Tcp() {
    loop_.cancel(timer_);
}

std::uint16_t Tcp::segment_size(bool ipv6) const {
    return static_cast<std::uint16_t>(output_.config().mtu - (ipv6 ? 60 : 40));
}

std::size_t Tcp::embryonic() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        connections_, [](const auto& entry) { return entry.second->embryonic(); }));
}

std::size_t Tcp::queue_limit() const {
    return std::clamp(queue_budget / std::max<std::size_t>(1, connections_.size()), least_queue,
                      TcpConnection::buffer_limit);
}

std::size_t Tcp::buffered() const {
    std::size_t total = 0;
    for (const auto& [key, connection] : connections_)
        total +=
            connection->to_host_.size() + connection->to_guest_.size() + connection->early_.size();
    return total;
}

void Tcp::segment(const IpPacket& packet, bool verify) {
    const auto segment = parse_tcp(packet, verify);
    if (!segment || segment->source.port == 0 || segment->destination.port == 0)
        return;
    const auto found = connections_.find({segment->source, segment->destination});
    if (found != connections_.end()) {
        const Connection connection = found->second;
        connection->segment(*segment);
    } else if (segment->source.address == IpAddress::loopback(false)) {
        return; // it only answers there
    } else if (segment->has(tcp_flag::syn) && !segment->has(tcp_flag::ack) &&
               !segment->has(tcp_flag::rst)) {
        open(*segment);
    } else if (!segment->has(tcp_flag::rst)) {
        refuse(*segment);
    }
}

void Tcp::open(const TcpSegment& segment) {
    if (connections_.size() >= max_connections_)
        return refuse(segment);
    // Ignore it when too many handshakes are unfinished, to leave room; the guest will retry.
    if (embryonic() >= std::max<std::size_t>(1, max_connections_ / 2))
        return;
    const auto connection = std::make_shared<TcpConnection>(
        *this, segment.source, segment.destination, TcpConnection::State::connecting);
    connections_[{segment.source, segment.destination}] = connection;
    connection->take_syn(segment);
    connection->dial();
}

void Tcp::accept(OwnedFd socket, std::span<const GuestPort> places, std::uint16_t peer_port,
                 FlowRecord record, bool tell_accepted) {
    const GuestPort& port = places.front();
    Endpoint remote{port.gateway, std::max<std::uint16_t>(peer_port, 1)};
    // Ends: there are fewer connections than ports.
    while (connections_.contains({port.guest, remote}))
        remote.port =
            remote.port == UINT16_MAX ? first_port : static_cast<std::uint16_t>(remote.port + 1);
    const auto connection =
        std::make_shared<TcpConnection>(*this, port.guest, remote, TcpConnection::State::syn_sent);
    if (const Status adopted = connection->adopt(std::move(socket)); !adopted)
        return log::warn("published port: {}", adopted.error().to_string());
    // Connections of peers may not use up the places that the guest's own need.
    if (connections_.size() >= max_connections_ - max_connections_ / 4)
        return connection->reset(false);
    connections_[{port.guest, remote}] = connection;
    connection->segment_size_ = segment_size(port.gateway.v6);
    connection->other_places_.assign(places.begin() + 1, places.end());
    connection->record_ = std::move(record);
    connection->tells_accepted_ = tell_accepted;
    connection->pump();
    output_.flush();
}

/// RFC 9293 §3.10.7.1: the answer to a segment of no connection.
void Tcp::refuse(const TcpSegment& segment) {
    TcpSegment reset{.source = segment.destination, .destination = segment.source};
    if (segment.has(tcp_flag::ack)) {
        reset.sequence = segment.acknowledgement;
        reset.flags = tcp_flag::rst;
    } else {
        reset.acknowledgement = segment.sequence + segment.length();
        reset.flags = tcp_flag::rst | tcp_flag::ack;
    }
    send_reset(reset);
}

void Tcp::send_reset(TcpSegment reset) {
    reset.payload = {};
    if (!output_.tcp(reset, segment_size(reset.destination.address.v6)) &&
        resets_.size() < max_waiting_resets)
        resets_.push_back(reset);
}

void Tcp::wait_for_room(TcpConnection& connection) {
    if (!std::exchange(connection.waiting_, true))
        waiting_.push_back(connection.shared_from_this());
}

void Tcp::serve_later(TcpConnection& connection) {
    if (!std::exchange(connection.to_be_served_, true))
        due_.push_back(connection.shared_from_this());
}

void Tcp::room() {
    while (!resets_.empty()) {
        const TcpSegment reset = resets_.front();
        if (!output_.tcp(reset, segment_size(reset.destination.address.v6)))
            return;
        resets_.pop_front();
    }
    for (std::size_t count = waiting_.size(); count > 0 && !waiting_.empty(); --count) {
        const Connection connection = std::move(waiting_.front());
        waiting_.pop_front();
        connection->waiting_ = false;
        if (!connection->pump())
            return; // it has put itself at the end
    }
}

void Tcp::frames_done() {
    std::vector<Connection> due;
    due.swap(due_);
    for (const Connection& connection : due) {
        connection->to_be_served_ = false;
        connection->pump();
    }
    output_.flush();
}

void Tcp::link_reset() {
    // The driver has restarted, so all its connections are gone.
    const auto connections = connections_;
    for (const auto& [key, connection] : connections)
        connection->reset(false);
    resets_.clear();
}

void Tcp::policy_changed(std::size_t max_connections) {
    max_connections_ = max_connections;
    const auto connections = connections_; // some end meanwhile
    for (const auto& [key, connection] : connections)
        if (connection->record_.judged() && !dialer_.still_allows(connection->record_.flow))
            connection->reset(true, "policy");
}

void Tcp::deadline_set() {
    if (timer_ == 0)
        timer_ = loop_.after(tick_period, [this] {
            timer_ = 0;
            tick();
        });
}

void Tcp::tick() {
    const auto now = EventLoop::Clock::now();
    const auto connections = connections_; // some end meanwhile
    bool more = false;
    for (const auto& [key, connection] : connections) {
        connection->timer(now);
        more = more || connection->deadline_ != EventLoop::Clock::time_point::max();
    }
    output_.flush();
    if (more)
        deadline_set();
}

void Tcp::forget(TcpConnection& connection) {
    // Otherwise a guest that makes no room could end connection after connection and all would be
    // kept.
    if (connection.waiting_)
        std::erase_if(waiting_,
                      [&](const Connection& entry) { return entry.get() == &connection; });
    const auto found = connections_.find({connection.guest_, connection.remote_});
    if (found != connections_.end() && found->second.get() == &connection)
        connections_.erase(found);
}

} // namespace msb::net
