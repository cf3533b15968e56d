// Sequence numbers of TCP, compared modulo 2^32 (RFC 9293 §3.4).
#pragma once

#include <cstdint>

namespace msb::net {

inline bool before(std::uint32_t a, std::uint32_t b) {
    return static_cast<std::int32_t>(a - b) < 0;
}
inline bool after(std::uint32_t a, std::uint32_t b) {
    return before(b, a);
}

/// From `begin` up to, but without, `end`.
struct SequenceRange {
    std::uint32_t begin = 0, end = 0;
    std::uint32_t size() const { return end - begin; }
    bool operator==(const SequenceRange&) const = default;
};

} // namespace msb::net
