// Fragments of a guest's packets (RFC 791 §3.2, RFC 8200 §4.5), put together.
#pragma once

#include "net/frames/ip.hpp"

#include <chrono>
#include <map>

namespace msb::net {

class Reassembler {
  public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::size_t max_packets = 16; ///< under construction; then the oldest goes
    /// Enough for the largest packet in pieces of 576 bytes, the least that IPv4 links carry.
    static constexpr std::size_t max_fragments = 128;
    static constexpr std::chrono::seconds lifetime{10};

    /// The packet's whole payload, if this fragment completes it. Fragments that overlap or
    /// disagree about the end spoil the packet (RFC 5722).
    std::optional<Bytes> add(const IpPacket& packet, Clock::time_point now);
    void clear() { packets_.clear(); }
    std::size_t size() const { return packets_.size(); }

  private:
    struct Key {
        IpAddress source, destination;
        std::uint32_t id;
        std::uint8_t protocol;
        auto operator<=>(const Key&) const = default;
    };
    struct Packet {
        Clock::time_point begun;
        std::map<std::size_t, Bytes> parts; ///< by offset
        std::size_t received = 0;
        std::optional<std::size_t> total;
    };
    static bool insert(Packet& packet, const Fragment& fragment, BytesView payload);
    void make_room(Clock::time_point now);

    std::map<Key, Packet> packets_;
};

} // namespace msb::net
