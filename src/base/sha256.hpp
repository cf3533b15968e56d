// SHA-256 (FIPS 180-4) for short inputs: cache keys and names. It is here so that the programs on
// the start-up path need not load libcrypto, which costs more than a millisecond; whoever hashes
// megabytes uses OpenSSL.
#pragma once

#include "base/bytes.hpp"

#include <array>

namespace msb {

std::array<std::uint8_t, 32> sha256(BytesView data);

/// 64 lower-case hex digits.
std::string sha256_hex(std::string_view text);

} // namespace msb
