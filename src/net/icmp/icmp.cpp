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
constexpr int round_budget = 16;

} // namespace

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

void Icmp::answer(const IpPacket& packet) {
    Bytes bytes(packet.payload.begin(), packet.payload.end());
    bytes[0] = packet.source.v6 ? echo_reply_v6 : echo_reply;
    store_be(MutableBytesView(bytes).subspan(2), std::uint16_t{0});
    output_.icmp(packet.destination, packet.source, bytes);
}

/// Echoes are not carried: that a member is there is known here.
void Icmp::echo_of_member(const IpPacket& packet) {
    const Flow flow{.direction = Direction::out,
                    .protocol = Protocol::icmp,
                    .source = {packet.source, 0},
                    .destination = {packet.destination, 0}};
    if (!dialer_.admit(flow))
        return output_.unreachable(packet.destination, packet.packet, Unreachable::prohibited);
    if (!membership_->is_there(packet.destination))
        return output_.unreachable(packet.destination, packet.packet, Unreachable::host);
    answer(packet);
}

void Icmp::echo(const IpPacket& packet) {
    if (is_gateway(packet.destination))
        return answer(packet);
    if (membership_ != nullptr && membership_->has(packet.destination))
        return echo_of_member(packet);
    const Bytes bytes(packet.payload.begin(), packet.payload.end());
    const Key key{packet.source, packet.destination,
                  load_be<std::uint16_t>(packet.payload.subspan(4))};
    int socket = flows_.socket_of(key);
    if (socket == -1) {
        auto dialed = dialer_.dial({.direction = Direction::out,
                                    .protocol = Protocol::icmp,
                                    .source = {packet.source, 0},
                                    .destination = {packet.destination, 0}},
                                   0);
        if (!dialed)
            return output_.unreachable(packet.destination, packet.packet, Unreachable::prohibited);
        socket = dialed->socket.get();
        if (!flows_.add(key, std::move(*dialed), [this, key](std::uint32_t) { receive(key); }))
            return;
    }
    flows_.touch(key);
    (void)::send(socket, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/// The kernel gives echoes of a ping socket an identifier of its own.
void Icmp::receive(const Key& key) {
    Bytes bytes(most_echo_bytes);
    for (int i = 0; i < round_budget; ++i) {
        const int socket = flows_.socket_of(key);
        if (socket == -1)
            break;
        const ssize_t count = ::recv(socket, bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (count < static_cast<ssize_t>(header_size))
            break;
        flows_.touch(key);
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

} // namespace msb::net
