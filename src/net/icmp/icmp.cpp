#include "net/icmp/icmp.hpp"

#include "net/frames/checksum.hpp"

#include <algorithm>
#include <array>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace msb::net {

namespace {

constexpr std::size_t header_size = 8;
constexpr std::uint8_t echo_reply = 0, echo_request = 8;
constexpr std::uint8_t echo_request_v6 = 128, echo_reply_v6 = 129;
constexpr std::uint8_t neighbour_solicitation = 135, neighbour_advertisement = 136;
constexpr std::uint8_t neighbour_hop_limit = 255; // RFC 4861 §7.1.1
constexpr std::uint8_t solicited_override = 0x60; // RFC 4861 §4.4: S and O
constexpr std::uint8_t option_target_address = 2; // target link-layer address
constexpr std::size_t most_echo_bytes = 65535 - 20;
constexpr auto sweep_period = std::chrono::seconds(5);
constexpr int round_budget = 16;

} // namespace

Icmp::~Icmp() {
    loop_.cancel(timer_);
    link_reset();
}

void Icmp::link_reset() {
    while (!flows_.empty())
        drop(flows_.begin());
}

void Icmp::message(const IpPacket& packet, bool verify) {
    const BytesView bytes = packet.payload;
    const bool v6 = packet.source.v6;
    if (bytes.size() < header_size)
        return;
    Checksum sum;
    if (v6)
        sum.add_pseudo_header(packet.source, packet.destination, protocol_icmpv6, bytes.size());
    if (verify && sum.add(bytes).finish() != 0)
        return;
    if (bytes[1] != 0)
        return;
    if (bytes[0] == (v6 ? echo_request_v6 : echo_request))
        echo(packet);
    else if (v6 && bytes[0] == neighbour_solicitation)
        solicitation(packet);
}

void Icmp::echo(const IpPacket& packet) {
    Bytes bytes(packet.payload.begin(), packet.payload.end());
    const MutableBytesView view(bytes);
    if (is_gateway(packet.destination)) {
        bytes[0] = packet.source.v6 ? echo_reply_v6 : echo_reply;
        store_be(view.subspan(2), std::uint16_t{0});
        return output_.icmp(packet.destination, packet.source, bytes);
    }
    const Key key{packet.source, packet.destination,
                  load_be<std::uint16_t>(packet.payload.subspan(4))};
    auto found = flows_.find(key);
    if (found == flows_.end()) {
        auto socket = dialer_.dial(
            {Direction::out, Protocol::icmp, {packet.source, 0}, {packet.destination, 0}, {}}, 0);
        if (!socket)
            return output_.unreachable(packet.destination, packet.packet, Unreachable::prohibited);
        if (flows_.size() >= max_flows)
            drop(std::ranges::min_element(flows_, {},
                                          [](const auto& entry) { return entry.second.used; }));
        if (!loop_.watch(socket->get(), EPOLLIN, [this, key](std::uint32_t) { receive(key); }))
            return;
        found = flows_.emplace(key, Socket{std::move(*socket), {}}).first;
        sweep_later();
    }
    found->second.used = Clock::now();
    (void)::send(found->second.socket.get(), bytes.data(), bytes.size(),
                 MSG_DONTWAIT | MSG_NOSIGNAL);
}

/// The kernel gives echoes of a ping socket an identifier of its own.
void Icmp::receive(const Key& key) {
    Bytes bytes(most_echo_bytes);
    for (int i = 0; i < round_budget; ++i) {
        const auto found = flows_.find(key);
        if (found == flows_.end())
            break;
        const ssize_t count =
            ::recv(found->second.socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (count < static_cast<ssize_t>(header_size))
            break;
        found->second.used = Clock::now();
        const auto message = MutableBytesView(bytes).first(static_cast<std::size_t>(count));
        if (message[0] != (key.guest.v6 ? echo_reply_v6 : echo_reply))
            continue;
        store_be(message.subspan(2), std::uint16_t{0});
        store_be(message.subspan(4), key.id);
        output_.icmp(key.remote, key.guest, message);
    }
    output_.flush();
}

void Icmp::solicitation(const IpPacket& packet) {
    constexpr std::size_t size = 24;
    if (packet.hop_limit != neighbour_hop_limit || packet.payload.size() < size)
        return;
    const IpAddress target = IpAddress::from(packet.payload.subspan(8, 16));
    // A solicitation from the unspecified address asks whether an address is taken (RFC 4862); ours
    // is not in question.
    if (target != gateways_.v6 || packet.source == IpAddress(Ipv6Bytes{}))
        return;
    std::array<std::uint8_t, size + 8> advertisement{};
    advertisement[0] = neighbour_advertisement;
    advertisement[4] = solicited_override;
    std::ranges::copy(target.view(), advertisement.begin() + 8);
    advertisement[size] = option_target_address;
    advertisement[size + 1] = 1; // in units of 8 bytes
    std::ranges::copy(output_.config().gateway_mac, advertisement.begin() + size + 2);
    output_.icmp(target, packet.source, advertisement);
}

void Icmp::drop(std::map<Key, Socket>::iterator flow) {
    loop_.unwatch(flow->second.socket.get());
    flows_.erase(flow);
}

void Icmp::sweep_later() {
    if (timer_ != 0)
        return;
    timer_ = loop_.after(sweep_period, [this] {
        timer_ = 0;
        const auto limit = Clock::now() - idle_time;
        for (auto flow = flows_.begin(); flow != flows_.end();) {
            const auto next = std::next(flow);
            if (flow->second.used < limit)
                drop(flow);
            flow = next;
        }
        if (!flows_.empty())
            sweep_later();
    });
}

} // namespace msb::net
