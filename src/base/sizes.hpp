// Powers of 1024, in bytes.
#pragma once

#include <cstdint>

namespace msb {

inline constexpr std::uint64_t kib = std::uint64_t{1} << 10;
inline constexpr std::uint64_t mib = std::uint64_t{1} << 20;
inline constexpr std::uint64_t gib = std::uint64_t{1} << 30;

} // namespace msb
