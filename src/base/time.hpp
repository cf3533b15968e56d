#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace msb {

/// Nanoseconds since the Unix epoch (CLOCK_REALTIME).
std::int64_t unix_time_ns();
/// Nanoseconds on CLOCK_MONOTONIC, comparable between processes of one host.
std::int64_t monotonic_ns();

/// RFC 3339 in UTC with `digits` fractional digits (0..9): "2026-01-02T03:04:05.678Z".
std::string format_rfc3339(std::int64_t unix_ns, int digits, const char* zone = "Z");
/// Unix nanoseconds of an RFC 3339 date and time of the years 1970 to 2261, with any offset and any
/// number of fractional digits (those beyond nanoseconds are cut).
std::optional<std::int64_t> parse_rfc3339(std::string_view text);
/// Local time, "2026-01-02 03:04:05".
std::string format_local(std::int64_t unix_ns);

} // namespace msb
