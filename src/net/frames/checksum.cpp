#include "net/frames/checksum.hpp"

namespace msb::net {

Checksum& Checksum::add(BytesView bytes) {
    // Sums of words in the machine's order, turned round at the end (RFC 1071 §2 B). 32 bits at a
    // time: a sum of fewer than 2^32 of them fits.
    std::uint64_t sum = 0;
    std::size_t i = 0;
    for (; i + 4 <= bytes.size(); i += 4) {
        std::uint32_t word;
        std::memcpy(&word, bytes.data() + i, 4);
        sum += word;
    }
    std::uint32_t rest = 0;
    for (unsigned shift = 0; i < bytes.size(); ++i, shift += 8)
        rest |= std::uint32_t{bytes[i]} << shift;
    sum += rest;
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    sum_ += __builtin_bswap16(static_cast<std::uint16_t>(sum));
    return *this;
}

Checksum& Checksum::add_pseudo_header(const IpAddress& source, const IpAddress& destination,
                                      std::uint8_t protocol, std::size_t size) {
    add(source.view()).add(destination.view());
    sum_ += protocol + (size & 0xffff) + (size >> 16);
    return *this;
}

std::uint16_t Checksum::folded() const {
    std::uint64_t sum = sum_;
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(sum);
}

} // namespace msb::net
