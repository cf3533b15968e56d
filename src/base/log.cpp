#include "base/log.hpp"

#include "base/time.hpp"

#include <array>
#include <mutex>
#include <string>
#include <unistd.h>

namespace msb::log {

namespace {

struct State {
    Level level = Level::off;
    int fd = 2;
    std::string component;
    std::function<void(std::string_view)> sink;
    std::mutex sink_mutex;
};

State& state() {
    static State instance;
    return instance;
}

constexpr std::array<std::string_view, 5> names = {"error", "warn", "info", "debug", "trace"};

} // namespace

std::optional<Level> parse_level(std::string_view name) {
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == name)
            return static_cast<Level>(i);
    return std::nullopt;
}

std::string_view to_string(Level level) {
    return level == Level::off ? "off" : names[static_cast<std::size_t>(level)];
}

void configure(Level level, int fd, std::string_view component) {
    state().level = level;
    state().fd = fd;
    state().component = component;
}

void set_sink(std::function<void(std::string_view line)> sink) {
    const std::scoped_lock lock(state().sink_mutex);
    state().sink = std::move(sink);
}

bool enabled(Level level) {
    return static_cast<int>(level) <= static_cast<int>(state().level);
}

void write(Level level, std::string_view text) {
    if (!enabled(level))
        return;
    std::string line = fmt::format("{} {:<5} {}: ", format_rfc3339(unix_time_ns(), 3),
                                   to_string(level), state().component);
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            line += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        else
            line += c;
    }
    line += '\n';
    if (state().sink) {
        const std::scoped_lock lock(state().sink_mutex);
        return state().sink(line);
    }
    // One write per line keeps lines of several processes whole; a full disk must not stop us.
    (void)!::write(state().fd, line.data(), line.size());
}

} // namespace msb::log
