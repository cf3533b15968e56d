// Grammars of values that several options have.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace msb {

/// Decimal digits and nothing else.
std::optional<std::uint64_t> parse_integer(std::string_view text);
/// "512", "512M", "1.5G": mebibytes, at least one. Messages as users see them.
Result<std::uint64_t> parse_memory_mib(std::string_view text);

} // namespace msb
