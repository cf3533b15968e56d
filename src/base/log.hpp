// Diagnostics of one process: lines "TIME LEVEL component: text" on one descriptor. Not user
// output.
#pragma once

#include <fmt/core.h>
#include <functional>
#include <optional>
#include <string_view>

namespace msb::log {

enum class Level { error, warn, info, debug, trace, off = -1 };

/// "error", "warn", "info", "debug", "trace".
std::optional<Level> parse_level(std::string_view name);
std::string_view to_string(Level level);

/// Messages above `level` are dropped. Default: off. `component` prefixes each line.
void configure(Level level, int fd, std::string_view component);
/// Lines go to `sink` instead of a descriptor; called by one thread at a time. Empty: undo. Set it
/// while no other thread logs.
void set_sink(std::function<void(std::string_view line)> sink);
bool enabled(Level level);
/// Control characters in `text` are escaped, so guest-chosen text cannot forge lines.
void write(Level level, std::string_view text);

template <typename... Args>
void emit(Level level, fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(level))
        write(level, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args> void error(fmt::format_string<Args...> format, Args&&... args) {
    emit(Level::error, format, std::forward<Args>(args)...);
}
template <typename... Args> void warn(fmt::format_string<Args...> format, Args&&... args) {
    emit(Level::warn, format, std::forward<Args>(args)...);
}
template <typename... Args> void info(fmt::format_string<Args...> format, Args&&... args) {
    emit(Level::info, format, std::forward<Args>(args)...);
}
template <typename... Args> void debug(fmt::format_string<Args...> format, Args&&... args) {
    emit(Level::debug, format, std::forward<Args>(args)...);
}
template <typename... Args> void trace(fmt::format_string<Args...> format, Args&&... args) {
    emit(Level::trace, format, std::forward<Args>(args)...);
}

} // namespace msb::log
