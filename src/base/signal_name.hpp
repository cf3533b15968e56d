// Signals as people and images write them.
#pragma once

#include <optional>
#include <string_view>

namespace msb {

/// Linux numbers of the real-time range as programs count it (the C library keeps 32 and 33).
inline constexpr int signal_rtmin = 34;
inline constexpr int signal_rtmax = 64;

/// "SIGTERM", "term", "15", "SIGRTMIN+3", "RTMAX-1": the number; nothing for what is no signal.
std::optional<int> parse_signal(std::string_view text);

} // namespace msb
