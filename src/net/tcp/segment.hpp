// TCP headers (RFC 9293 §3.1).
#pragma once

#include "net/frames/ip.hpp"
#include "net/tcp/sequence.hpp"

#include <array>

namespace msb::net {

namespace tcp_flag {
constexpr std::uint8_t fin = 1, syn = 2, rst = 4, psh = 8, ack = 16;
}

struct TcpSegment {
    Endpoint source;
    Endpoint destination;
    std::uint32_t sequence = 0;
    std::uint32_t acknowledgement = 0;
    std::uint16_t window = 0; ///< as in the header, unscaled
    std::uint8_t flags = 0;
    std::optional<std::uint16_t> mss;  ///< of a SYN
    std::optional<std::uint8_t> scale; ///< of a SYN: window scale (RFC 7323), at most 14
    bool selective_permitted = false;  ///< of a SYN: selective acknowledgement (RFC 2018)
    /// What is there of that beyond the acknowledgement.
    std::array<SequenceRange, 4> selective{};
    std::size_t selective_count = 0;
    BytesView payload;

    bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
    /// What the segment takes of the sequence space.
    std::uint32_t length() const {
        return static_cast<std::uint32_t>(payload.size()) + (has(tcp_flag::syn) ? 1 : 0) +
               (has(tcp_flag::fin) ? 1 : 0);
    }
};

/// `verify`: the checksum counts.
std::optional<TcpSegment> parse_tcp(const IpPacket& packet, bool verify);

std::size_t tcp_header_size(const TcpSegment& segment);
/// The header with a checksum field of 0; `out` has tcp_header_size() bytes.
void write_tcp(const TcpSegment& segment, MutableBytesView out);
constexpr std::size_t tcp_checksum_offset = 16;

} // namespace msb::net
