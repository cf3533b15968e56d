#include "net/output.hpp"

#include "net/frames/checksum.hpp"

#include <algorithm>
#include <array>

namespace msb::net {

namespace {

constexpr std::size_t most_ip_bytes = 65535;
constexpr std::size_t ipv4_header = 20, tcp_header = 20, udp_header = 8;
constexpr std::size_t most_tcp_header = 60;
/// RFC 1812 §4.3.2.3 and RFC 4443 §2.4 (c): as much of the packet as these totals allow.
constexpr std::size_t most_icmp_packet = 576, most_icmpv6_packet = 1280;

struct IcmpCode {
    std::uint8_t type, code;
};

/// Or broadcast.
bool is_multicast(const IpAddress& address) {
    return address.v6 ? address.bytes[0] == 0xff : address.bytes[0] >= 224;
}

IcmpCode icmp_code(Unreachable reason, bool v6) {
    switch (reason) {
    case Unreachable::network: return v6 ? IcmpCode{1, 0} : IcmpCode{3, 0};
    case Unreachable::host: return v6 ? IcmpCode{1, 3} : IcmpCode{3, 1};
    case Unreachable::port: return v6 ? IcmpCode{1, 4} : IcmpCode{3, 3};
    case Unreachable::too_big: return v6 ? IcmpCode{2, 0} : IcmpCode{3, 4};
    case Unreachable::prohibited: break;
    }
    return v6 ? IcmpCode{1, 1} : IcmpCode{3, 13};
}

} // namespace

std::size_t Output::most_payload(bool ipv6, std::uint16_t segment_size) const {
    constexpr std::size_t most = most_ip_bytes - largest_ip_header - tcp_header;
    if (!link_.takes_large_segments(ipv6) || most < segment_size)
        return segment_size;
    return most - most % segment_size;
}

bool Output::tcp(const TcpSegment& segment, std::uint16_t segment_size) {
    std::array<std::uint8_t, most_tcp_header> buffer;
    const MutableBytesView header = MutableBytesView(buffer).first(tcp_header_size(segment));
    write_tcp(segment, header);
    const bool v6 = segment.destination.address.v6;
    const std::size_t size = header.size() + segment.payload.size();
    Checksum sum;
    sum.add_pseudo_header(segment.source.address, segment.destination.address, protocol_tcp, size);
    Offload offload{.ipv6 = v6};
    const IpHeader ip_header{segment.source.address, segment.destination.address, protocol_tcp,
                             size, std::nullopt};
    if (link_.takes_partial_checksums()) {
        offload.partial_checksum = true;
        offload.checksum_start = static_cast<std::uint16_t>(ethernet_size + ip_header.size());
        offload.checksum_offset = tcp_checksum_offset;
        store_be(header.subspan(tcp_checksum_offset), sum.folded());
    } else {
        store_be(header.subspan(tcp_checksum_offset),
                 sum.add(header).add(segment.payload).finish());
    }
    if (segment.payload.size() > segment_size) {
        offload.segment_size = segment_size;
        offload.header_size =
            static_cast<std::uint16_t>(ethernet_size + ip_header.size() + header.size());
    }
    return ip(ip_header, header, segment.payload, offload);
}

bool Output::ip(const IpHeader& header, BytesView transport, BytesView payload, Offload offload) {
    std::array<std::uint8_t, ethernet_size + 48> buffer;
    const std::size_t size = ethernet_size + header.size();
    const MutableBytesView out = MutableBytesView(buffer).first(size);
    write_ethernet(out, config_.guest_mac, config_.gateway_mac,
                   header.destination.v6 ? ethertype_ipv6 : ethertype_ipv4);
    header.write(out.subspan(ethernet_size));
    const auto piece = [](BytesView bytes) {
        return iovec{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    };
    const std::array<iovec, 3> pieces{piece(out), piece(transport), piece(payload)};
    return link_.send(offload, pieces);
}

/// In as many fragments as it takes.
void Output::datagram(IpHeader header, BytesView bytes) {
    header.payload_size = bytes.size();
    if (header.size() + bytes.size() <= config_.mtu) {
        ip(header, bytes, {}, {});
        return;
    }
    header.fragment = Fragment{next_fragment_id_++, 0, true};
    const std::size_t most = (config_.mtu - header.size()) & ~std::size_t{7};
    for (std::size_t offset = 0; offset < bytes.size(); offset += most) {
        const BytesView part = bytes.subspan(offset, std::min(most, bytes.size() - offset));
        header.fragment->offset = static_cast<std::uint32_t>(offset);
        header.fragment->more = offset + part.size() < bytes.size();
        header.payload_size = part.size();
        if (!ip(header, part, {}, {}))
            return; // the rest would be of no use
    }
}

void Output::udp(const Endpoint& source, const Endpoint& destination, BytesView payload) {
    const std::size_t size = udp_header + payload.size();
    if (size > most_ip_bytes - (destination.address.v6 ? 0 : ipv4_header))
        return;
    Bytes bytes(size);
    store_be(MutableBytesView(bytes), source.port);
    store_be(MutableBytesView(bytes).subspan(2), destination.port);
    store_be(MutableBytesView(bytes).subspan(4), static_cast<std::uint16_t>(size));
    std::ranges::copy(payload, bytes.begin() + udp_header);
    const std::uint16_t sum =
        Checksum()
            .add_pseudo_header(source.address, destination.address, protocol_udp, size)
            .add(bytes)
            .finish();
    // 0 means none (RFC 768).
    store_be(MutableBytesView(bytes).subspan(6), sum == 0 ? std::uint16_t{0xffff} : sum);
    datagram({source.address, destination.address, protocol_udp, 0, std::nullopt}, bytes);
}

void Output::icmp(const IpAddress& source, const IpAddress& destination, MutableBytesView message) {
    Checksum sum;
    if (destination.v6)
        sum.add_pseudo_header(source, destination, protocol_icmpv6, message.size());
    store_be(message.subspan(2), sum.add(message).finish());
    // Neighbour discovery counts only if no router can have passed it on (RFC 4861 §7.1).
    const bool neighbour = destination.v6 && message[0] >= 133 && message[0] <= 137;
    datagram({.source = source,
              .destination = destination,
              .protocol = destination.v6 ? protocol_icmpv6 : protocol_icmp,
              .hop_limit = static_cast<std::uint8_t>(neighbour ? 255 : 64)},
             message);
}

void Output::unreachable(const IpAddress& from, BytesView packet, Unreachable reason,
                         std::uint32_t mtu) {
    const bool v6 = from.v6;
    const auto parsed = v6 ? parse_ipv6(packet) : parse_ipv4(packet);
    // No errors about errors, fragments but the first, and what went to many (RFC 1122 §3.2.2).
    if (!parsed || (parsed->fragment && parsed->fragment->offset != 0) ||
        is_multicast(parsed->destination))
        return;
    constexpr std::size_t icmp_header = 8;
    const std::size_t most = (v6 ? most_icmpv6_packet - 40 : most_icmp_packet - 20) - icmp_header;
    const BytesView quote = packet.first(std::min(most, packet.size()));
    Bytes message(icmp_header + quote.size());
    const IcmpCode code = icmp_code(reason, v6);
    message[0] = code.type;
    message[1] = code.code;
    if (reason == Unreachable::too_big)
        store_be(MutableBytesView(message).subspan(4), mtu);
    std::ranges::copy(quote, message.begin() + icmp_header);
    icmp(from, parsed->source, message);
}

void Output::unreachable(const FlowPacket& packet, Unreachable reason) {
    constexpr std::size_t transport = 8; // what RFC 792 asks for
    const IpHeader header{packet.source.address, packet.destination.address, packet.protocol,
                          transport, std::nullopt};
    Bytes bytes(header.size() + transport);
    const MutableBytesView view(bytes);
    header.write(view.first(header.size()));
    store_be(view.subspan(header.size()), packet.source.port);
    store_be(view.subspan(header.size() + 2), packet.destination.port);
    store_be(view.subspan(header.size() + 4), packet.word);
    unreachable(packet.destination.address, bytes, reason);
}

void Output::arp_reply(const IpAddress& asked_for, const IpAddress& asker) {
    // RFC 826: Ethernet, IPv4, sizes, reply.
    std::array<std::uint8_t, ethernet_size + 28> frame{};
    write_ethernet(frame, config_.guest_mac, config_.gateway_mac, ethertype_arp);
    constexpr std::array<std::uint8_t, 8> head{0, 1, 8, 0, 6, 4, 0, 2};
    auto at = std::ranges::copy(head, frame.begin() + ethernet_size).out;
    at = std::ranges::copy(config_.gateway_mac, at).out;
    at = std::ranges::copy(asked_for.view(), at).out;
    at = std::ranges::copy(config_.guest_mac, at).out;
    std::ranges::copy(asker.view(), at);
    const iovec piece{frame.data(), frame.size()};
    link_.send({}, {&piece, 1});
}

} // namespace msb::net
