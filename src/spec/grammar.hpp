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

/// How often metrics are taken, in milliseconds: "250ms", "1.5s", "2m", or a number of seconds; at least
/// 100 ms, or 0: never.
Result<std::uint32_t> parse_metrics_interval(std::string_view text);

} // namespace msb
