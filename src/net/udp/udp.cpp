#include "net/udp/udp.hpp"

#include "base/log.hpp"
#include "net/frames/checksum.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace msb::net {

namespace {

constexpr std::size_t header_size = 8;
/// Datagrams taken from one socket before others get a turn.
constexpr int round_budget = 32;
constexpr std::uint16_t first_port = 49152;

} // namespace

std::optional<UdpDatagram> parse_udp(const IpPacket& packet, bool verify) {
    const BytesView bytes = packet.payload;
    if (bytes.size() < header_size)
        return std::nullopt;
    const std::size_t size = load_be<std::uint16_t>(bytes.subspan(4));
    if (size < header_size || size > bytes.size())
        return std::nullopt;
    const BytesView datagram = bytes.first(size);
    const bool summed = load_be<std::uint16_t>(bytes.subspan(6)) != 0;
    if (verify &&
        (summed ? Checksum()
                          .add_pseudo_header(packet.source, packet.destination, protocol_udp, size)
                          .add(datagram)
                          .finish() != 0
                : packet.source.v6)) // RFC 8200 §8.1: IPv6 has no UDP without
        return std::nullopt;
    return UdpDatagram{{packet.source, load_be<std::uint16_t>(bytes)},
                       {packet.destination, load_be<std::uint16_t>(bytes.subspan(2))},
                       datagram.subspan(header_size)};
}

Udp::~Udp() {
    for (const auto& published : published_)
        loop_.unwatch(published->socket.get());
}

void Udp::datagram(const UdpDatagram& datagram, BytesView packet) {
    if (datagram.source.port == 0 || datagram.destination.port == 0 || answer_published(datagram))
        return;
    const Key key{datagram.source, datagram.destination};
    const auto socket = flow(key);
    if (!socket) {
        const int error = socket.error().sys_errno();
        output_.unreachable(datagram.destination.address, packet,
                            error == EHOSTUNREACH  ? Unreachable::host
                            : error == ENETUNREACH ? Unreachable::network
                                                   : Unreachable::prohibited);
        return;
    }
    Dialled& dialled = *flows_.find(key);
    const bool counts = dialled.forbids_quic || dialled.depends_on_opening;
    if (!counts || !quic::FlowReader::concerns(datagram.payload))
        return send(key, dialled, datagram.payload);
    const auto admitted = take_quic(dialled, datagram.payload);
    if (!admitted)
        return output_.unreachable(datagram.destination.address, packet, Unreachable::prohibited);
    for (const Bytes& one : *admitted)
        send(key, dialled, one);
}

/// A full socket loses it, as a full network would.
void Udp::send(const Key& key, Dialled& dialled, BytesView payload) {
    if (::send(dialled.socket.get(), payload.data(), payload.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
        -1)
        return report(key, errno);
    dialled.record.sent += payload.size();
}

/// What may go out; nothing: the datagram is refused.
std::optional<std::vector<Bytes>> Udp::take_quic(Dialled& dialled, BytesView datagram) {
    if (dialled.forbids_quic)
        return std::nullopt;
    if (!dialled.quic)
        dialled.quic = std::make_unique<quic::FlowReader>();
    return dialled.quic->take(datagram, [&](const Opening& opening) {
        Flow flow = dialled.record.flow;
        flow.opening = opening;
        if (!dialer_.admit(flow))
            return false;
        dialled.record.flow.opening = opening;
        return true;
    });
}

Result<int> Udp::flow(const Key& key) {
    if (const int known = flows_.socket_of(key); known != -1) {
        flows_.touch(key);
        return known;
    }
    Dialled dialled = MSB_TRY(dialer_.dial({.direction = Direction::out,
                                            .protocol = Protocol::udp,
                                            .source = key.first,
                                            .destination = key.second},
                                           0));
    const int fd = dialled.socket.get();
    MSB_TRY(add(key, std::move(dialled)));
    return fd;
}

Status Udp::add(const Key& key, Dialled dialled) {
    return flows_.add(key, std::move(dialled), [this, key](std::uint32_t events) {
        if ((events & (EPOLLHUP | EPOLLRDHUP)) == 0)
            return receive(key);
        // Another sandbox does not take it, or not any more. What comes next begins anew.
        report(key, ECONNREFUSED);
        flows_.end(key);
        output_.flush();
    });
}

void Udp::join(const Endpoint& guest, const Endpoint& remote, Dialled dialled) {
    const Key key{guest, remote};
    if (flows_.socket_of(key) != -1 || flows_.size() >= max_flows - max_flows / 4)
        return;
    if (add(key, std::move(dialled)))
        receive(key); // what came with it
}

void Udp::receive(const Key& key) {
    for (int i = 0; i < round_budget; ++i) {
        const int socket = flows_.socket_of(key);
        if (socket == -1)
            break;
        const ssize_t count = ::recv(socket, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (count == -1) {
            if (errno != EAGAIN && errno != EINTR)
                report(key, errno);
            break;
        }
        flows_.touch(key);
        flows_.find(key)->record.received += static_cast<std::size_t>(count);
        output_.udp(key.second, key.first,
                    BytesView(buffer_).first(static_cast<std::size_t>(count)));
    }
    output_.flush();
}

/// ICMP errors that the host got are passed on to the guest.
void Udp::report(const Key& key, int error) {
    if (error == ECONNREFUSED)
        output_.unreachable({key.first, key.second, protocol_udp}, Unreachable::port);
    else if (error == EHOSTUNREACH || error == ENETUNREACH)
        output_.unreachable({key.first, key.second, protocol_udp},
                            error == EHOSTUNREACH ? Unreachable::host : Unreachable::network);
}

/// A flow's record has the last of its openings.
bool Udp::still_allows_quic(const Dialled& dialled) {
    if (!dialled.quic)
        return true;
    Flow flow = dialled.record.flow;
    return std::ranges::all_of(dialled.quic->server_names(), [&](const std::string& name) {
        flow.opening = {.tls = true, .server_name = name};
        return dialer_.still_allows(flow);
    });
}

void Udp::policy_changed() {
    const auto allowed = [this](const FlowRecord& record) {
        return !record.judged() || dialer_.still_allows(record.flow);
    };
    flows_.keep_if([&](const Dialled& dialled) {
        return allowed(dialled.record) && still_allows_quic(dialled);
    });
    for (const auto& published : published_)
        for (auto peer = published->peers.begin(); peer != published->peers.end();) {
            if (allowed(peer->second.record)) {
                ++peer;
                continue;
            }
            peer->second.record.outcome = "policy";
            published->ports.erase(peer->second.address);
            peer = published->peers.erase(peer);
        }
}

// ---- published ports ----

Status Udp::publish(OwnedFd socket, const Endpoint& guest, const IpAddress& gateway) {
    auto published = std::make_unique<Published>();
    published->socket = std::move(socket);
    published->guest = guest;
    published->gateway = gateway;
    Published* const raw = published.get();
    MSB_TRY(loop_.watch(raw->socket.get(), EPOLLIN,
                        [this, raw](std::uint32_t) { receive_published(*raw); }));
    published_.push_back(std::move(published));
    return {};
}

void Udp::receive_published(Published& published) {
    for (int i = 0; i < round_budget; ++i) {
        SocketAddress from;
        const ssize_t count = ::recvfrom(published.socket.get(), buffer_.data(), buffer_.size(),
                                         MSG_DONTWAIT, from.get(), &from.size);
        if (count == -1)
            break;
        const auto peer = from.endpoint();
        if (!peer)
            continue;
        const auto port = port_of(published, *peer);
        if (!port)
            continue;
        published.peers.at(*port).record.received += static_cast<std::size_t>(count);
        output_.udp({published.gateway, *port}, published.guest,
                    BytesView(buffer_).first(static_cast<std::size_t>(count)));
        published_use_.note();
    }
    output_.flush();
}

/// The peer's own port, if it is free and has no meaning at the gateway.
std::optional<std::uint16_t> Udp::port_of(Published& published, const Endpoint& peer) {
    const auto known = published.ports.find(peer);
    if (known != published.ports.end()) {
        published.peers.at(known->second).used = Clock::now();
        return known->second;
    }
    const Flow flow{.direction = Direction::in,
                    .protocol = Protocol::udp,
                    .source = peer,
                    .destination = published.guest};
    if (!dialer_.admit(flow))
        return std::nullopt;
    if (published.peers.size() >= max_peers) {
        const auto oldest = std::ranges::min_element(
            published.peers, {}, [](const auto& entry) { return entry.second.used; });
        published.ports.erase(oldest->second.address);
        published.peers.erase(oldest);
    }
    std::uint16_t port = peer.port < 1024 ? first_port : peer.port;
    while (published.peers.contains(port))
        port = port == UINT16_MAX ? first_port : static_cast<std::uint16_t>(port + 1);
    published.peers[port] = {peer, Clock::now(), dialer_.begin(flow)};
    published.ports[peer] = port;
    return port;
}

bool Udp::answer_published(const UdpDatagram& datagram) {
    for (const auto& published : published_) {
        if (datagram.source != published->guest ||
            datagram.destination.address != published->gateway)
            continue;
        const auto peer = published->peers.find(datagram.destination.port);
        if (peer == published->peers.end())
            continue;
        peer->second.used = Clock::now();
        peer->second.record.sent += datagram.payload.size();
        SocketAddress to(peer->second.address);
        (void)::sendto(published->socket.get(), datagram.payload.data(), datagram.payload.size(),
                       MSG_DONTWAIT | MSG_NOSIGNAL, to.get(), to.size);
        published_use_.note();
        return true;
    }
    return false;
}

} // namespace msb::net
