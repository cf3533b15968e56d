// The Initial packets of QUIC clients, opened (RFC 9000 §17.2, RFC 9001 §5, version 2: RFC 9369).
//
// Their keys are derived from the destination that the client's first packet carries in the open, so
// they keep nothing secret from whoever is on the way; but they show that a packet is whole.
#pragma once

#include "base/bytes.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace msb::net::quic {

constexpr std::uint32_t version1 = 1, version2 = 0x6b3343cf;
constexpr std::size_t longest_id = 20; // of a connection, in these versions

/// A packet with a long header, of a version that we know.
struct LongPacket {
    std::uint32_t version = 0;
    bool initial = false;
    BytesView destination;        ///< connection id
    BytesView bytes;              ///< all of the packet
    std::size_t protected_at = 0; ///< where an Initial's number begins
};
/// Takes one off the front of a datagram, in which several may be. Nothing: it is none, or broken.
std::optional<LongPacket> take_long_packet(BytesView& datagram);

/// What protects the Initial packets of one client.
struct ClientKeys {
    std::array<std::uint8_t, 16> key{};
    std::array<std::uint8_t, 12> iv{};
    std::array<std::uint8_t, 16> header{};
};
/// `destination`: of the client's first packet.
ClientKeys client_keys(std::uint32_t version, BytesView destination);

struct OpenedPacket {
    std::uint32_t number = 0;
    Bytes frames;
};
/// `expected`: the packet number after the highest one so far. Nothing if the keys are not the
/// packet's, or its number could be another one than the one that is written.
std::optional<OpenedPacket> open(const LongPacket& packet, const ClientKeys& keys,
                                 std::uint64_t expected);

} // namespace msb::net::quic
