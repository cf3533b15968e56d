// The Internet checksum (RFC 1071).
#pragma once

#include "base/address.hpp"
#include "base/bytes.hpp"

namespace msb::net {

class Checksum {
  public:
    /// Only the last piece may have an odd number of bytes.
    Checksum& add(BytesView bytes);
    Checksum& add16(std::uint16_t value) {
        sum_ += value;
        return *this;
    }
    /// RFC 9293 §3.1, RFC 8200 §8.1: `size` of header and payload of the transport.
    Checksum& add_pseudo_header(const IpAddress& source, const IpAddress& destination,
                                std::uint8_t protocol, std::size_t size);
    /// What a checksum field holds; 0 over a message with a correct one.
    std::uint16_t finish() const { return static_cast<std::uint16_t>(~folded()); }
    /// The sum itself: what the field of an unfinished checksum holds.
    std::uint16_t folded() const;

  private:
    std::uint64_t sum_ = 0;
};

} // namespace msb::net
