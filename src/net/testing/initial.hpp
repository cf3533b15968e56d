// The first packets of QUIC connections, as clients make them.
#pragma once

#include "base/bytes.hpp"

#include <cstdint>

namespace msb::net::testing {

struct Initial {
    std::uint32_t version = 1;
    BytesView destination; ///< connection id in the packet
    BytesView first;       ///< of the client's first packet; empty: the same
    std::uint32_t number = 0;
    std::size_t number_size = 4;
    std::size_t size = 1200; ///< of the packet: what lacks is padding
};
/// A protected packet with these frames.
Bytes seal(const Initial& initial, BytesView frames);
/// A CRYPTO frame.
Bytes crypto_frame(std::uint16_t offset, BytesView data);

} // namespace msb::net::testing
