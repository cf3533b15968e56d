#include "net/frames/ip.hpp"

#include "net/frames/checksum.hpp"

#include <algorithm>

namespace msb::net {

namespace {

constexpr std::size_t ipv4_size = 20, ipv6_size = 40;
constexpr std::uint8_t next_hop_by_hop = 0, next_routing = 43, next_fragment = 44,
                       next_destination = 60;
constexpr int most_extension_headers = 4;
constexpr std::uint16_t ipv4_do_not_fragment = 0x4000, ipv4_more_fragments = 0x2000;

template <std::size_t size> std::array<std::uint8_t, size> take(BytesView bytes) {
    std::array<std::uint8_t, size> result;
    std::ranges::copy(bytes.first(size), result.begin());
    return result;
}

} // namespace

std::optional<EthernetFrame> parse_ethernet(BytesView frame) {
    if (frame.size() < ethernet_size)
        return std::nullopt;
    return EthernetFrame{take<6>(frame), take<6>(frame.subspan(6)),
                         load_be<std::uint16_t>(frame.subspan(12)), frame.subspan(ethernet_size)};
}

std::optional<IpPacket> parse_ipv4(BytesView packet) {
    if (packet.size() < ipv4_size || packet[0] >> 4 != 4)
        return std::nullopt;
    const std::size_t header = std::size_t{4} * (packet[0] & 0x0f);
    const std::size_t total = load_be<std::uint16_t>(packet.subspan(2));
    if (header < ipv4_size || total < header || total > packet.size() ||
        Checksum().add(packet.first(header)).finish() != 0)
        return std::nullopt;
    IpPacket result;
    result.packet = packet.first(total);
    result.payload = result.packet.subspan(header);
    result.hop_limit = packet[8];
    result.protocol = packet[9];
    result.source = IpAddress::from(packet.subspan(12, 4));
    result.destination = IpAddress::from(packet.subspan(16, 4));
    const auto word = load_be<std::uint16_t>(packet.subspan(6));
    const bool more = (word & ipv4_more_fragments) != 0;
    const std::uint32_t offset = 8u * (word & 0x1fffu);
    if (more || offset != 0)
        result.fragment = Fragment{load_be<std::uint16_t>(packet.subspan(4)), offset, more};
    return result;
}

std::optional<IpPacket> parse_ipv6(BytesView packet) {
    if (packet.size() < ipv6_size || packet[0] >> 4 != 6)
        return std::nullopt;
    const std::size_t size = load_be<std::uint16_t>(packet.subspan(4));
    if (size > packet.size() - ipv6_size)
        return std::nullopt;
    IpPacket result;
    result.packet = packet.first(ipv6_size + size);
    result.hop_limit = packet[7];
    result.source = IpAddress::from(packet.subspan(8, 16));
    result.destination = IpAddress::from(packet.subspan(24, 16));
    BytesView rest = result.packet.subspan(ipv6_size);
    std::uint8_t next = packet[6];
    for (int count = 0;; ++count) {
        if (next != next_hop_by_hop && next != next_routing && next != next_destination &&
            next != next_fragment)
            break;
        if (count == most_extension_headers || rest.size() < 8)
            return std::nullopt;
        std::size_t length = 8;
        if (next == next_fragment) {
            const auto word = load_be<std::uint16_t>(rest.subspan(2));
            result.fragment =
                Fragment{load_be<std::uint32_t>(rest.subspan(4)), word & 0xfff8u, (word & 1) != 0};
        } else {
            length += std::size_t{8} * rest[1];
        }
        if (length > rest.size())
            return std::nullopt;
        next = rest[0];
        rest = rest.subspan(length);
        if (result.fragment) // the rest belongs to the whole packet
            break;
    }
    result.protocol = next;
    result.payload = rest;
    return result;
}

void write_ethernet(MutableBytesView out, const Mac& destination, const Mac& source,
                    std::uint16_t type) {
    std::ranges::copy(destination, out.begin());
    std::ranges::copy(source, out.begin() + 6);
    store_be(out.subspan(12), type);
}

void IpHeader::write(MutableBytesView out) const {
    std::ranges::fill(out, std::uint8_t{0});
    const std::uint16_t offset =
        fragment ? static_cast<std::uint16_t>(fragment->offset) : std::uint16_t{0};
    if (destination.v6) {
        out[0] = 0x60;
        store_be(out.subspan(4), static_cast<std::uint16_t>(payload_size + (fragment ? 8 : 0)));
        out[6] = fragment ? next_fragment : protocol;
        out[7] = hop_limit;
        std::ranges::copy(source.view(), out.begin() + 8);
        std::ranges::copy(destination.view(), out.begin() + 24);
        if (fragment) {
            out[40] = protocol;
            store_be(out.subspan(42),
                     static_cast<std::uint16_t>(offset | (fragment->more ? 1 : 0)));
            store_be(out.subspan(44), fragment->id);
        }
        return;
    }
    out[0] = 0x45;
    store_be(out.subspan(2), static_cast<std::uint16_t>(ipv4_size + payload_size));
    std::uint16_t word = ipv4_do_not_fragment;
    if (fragment) {
        store_be(out.subspan(4), static_cast<std::uint16_t>(fragment->id));
        word = static_cast<std::uint16_t>(offset / 8 | (fragment->more ? ipv4_more_fragments : 0));
    }
    store_be(out.subspan(6), word);
    out[8] = hop_limit;
    out[9] = protocol;
    std::ranges::copy(source.view(), out.begin() + 12);
    std::ranges::copy(destination.view(), out.begin() + 16);
    store_be(out.subspan(10), Checksum().add(out.first(ipv4_size)).finish());
}

} // namespace msb::net
