// Frames to the guest, from their parts.
#pragma once

#include "link/link.hpp"
#include "net/frames/ip.hpp"
#include "net/tcp/segment.hpp"

#include <cstdint>

namespace msb::net {

/// Why a packet of the guest goes nowhere; the ICMP message follows from it.
enum class Unreachable { network, host, port, prohibited, too_big };

/// What a guest needs to recognise a packet of its own.
struct FlowPacket {
    Endpoint source;
    Endpoint destination;
    std::uint8_t protocol = 0;
    std::uint32_t word = 0; ///< behind the ports: a TCP sequence number
};

class Output {
  public:
    struct Config {
        Mac guest_mac{};
        Mac gateway_mac{};
        std::uint16_t mtu = 1500; ///< of IP packets
    };
    Output(Link& link, const Config& config) : link_(link), config_(config) {}

    /// False: no room, nothing was sent. A payload above `segment_size` is cut by the guest's
    /// driver; most_payload() says how much may be sent at once: whole segments, at least one.
    bool tcp(const TcpSegment& segment, std::uint16_t segment_size);
    std::size_t most_payload(bool ipv6, std::uint16_t segment_size) const;

    // Lost if there is no room, as on any network.
    void udp(const Endpoint& source, const Endpoint& destination, BytesView payload);
    /// `message` is an ICMP message of the destination's family with a checksum field of 0.
    void icmp(const IpAddress& source, const IpAddress& destination, MutableBytesView message);
    /// Tells the guest about its packet (RFC 792, 1812, 4443), of which `packet` is the beginning.
    /// `from`: who says so. `mtu` with too_big.
    void unreachable(const IpAddress& from, BytesView packet, Unreachable reason,
                     std::uint32_t mtu = 0);
    /// The same about a packet that is not at hand any more.
    void unreachable(const FlowPacket& packet, Unreachable reason);
    void arp_reply(const IpAddress& asked_for, const IpAddress& asker);

    void flush() { link_.flush(); }
    const Config& config() const { return config_; }

  private:
    bool ip(const IpHeader& header, BytesView transport, BytesView payload, Offload offload);
    void datagram(IpHeader header, BytesView bytes);

    Link& link_;
    Config config_;
    std::uint32_t next_fragment_id_ = 1;
};

} // namespace msb::net
