// Ethernet and IP headers: taken apart with checks, and written.
#pragma once

#include "base/address.hpp"
#include "base/bytes.hpp"

#include <cstdint>
#include <optional>

namespace msb::net {

constexpr std::size_t ethernet_size = 14;
constexpr std::size_t largest_ip_header = 40; ///< of those that we write
constexpr std::uint16_t ethertype_ipv4 = 0x0800, ethertype_arp = 0x0806, ethertype_ipv6 = 0x86dd;
constexpr std::uint8_t protocol_icmp = 1, protocol_tcp = 6, protocol_udp = 17, protocol_icmpv6 = 58;

struct EthernetFrame {
    Mac destination;
    Mac source;
    std::uint16_t type = 0;
    BytesView payload;
};
std::optional<EthernetFrame> parse_ethernet(BytesView frame);

struct Fragment {
    std::uint32_t id = 0;
    std::uint32_t offset = 0; ///< bytes
    bool more = false;
};

/// Lengths agree, the IPv4 header's checksum is right.
struct IpPacket {
    IpAddress source;
    IpAddress destination;
    std::uint8_t protocol = 0; ///< of `payload`
    std::uint8_t hop_limit = 0;
    BytesView payload; ///< behind the header and IPv6 extension headers
    BytesView packet;  ///< from the header on, without the frame's padding
    std::optional<Fragment> fragment;
};
std::optional<IpPacket> parse_ipv4(BytesView packet);
/// At most four extension headers.
std::optional<IpPacket> parse_ipv6(BytesView packet);

/// Values for the headers in front of a transport's bytes.
struct IpHeader {
    IpAddress source;
    IpAddress destination;
    std::uint8_t protocol = 0;
    std::size_t payload_size = 0; ///< below 64 KiB minus the header
    std::optional<Fragment> fragment;
    std::uint8_t hop_limit = 64;

    /// Bytes of the header, with a fragment header if there is one.
    std::size_t size() const { return destination.v6 ? (fragment ? 48 : 40) : std::size_t{20}; }
    /// `out` has size() bytes.
    void write(MutableBytesView out) const;
};

void write_ethernet(MutableBytesView out, const Mac& destination, const Mac& source,
                    std::uint16_t type);

} // namespace msb::net
