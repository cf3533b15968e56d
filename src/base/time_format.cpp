// Apart from time.cpp so that the guest agent can read clocks without the formatting library.
#include "base/time.hpp"

#include <ctime>
#include <fmt/format.h>

namespace msb {

std::string format_rfc3339(std::int64_t unix_ns, int digits, const char* zone) {
    const std::time_t seconds = unix_ns / 1'000'000'000;
    tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::string text =
        fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                    parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
    if (digits > 0) {
        const std::string fraction = fmt::format("{:09}", unix_ns % 1'000'000'000);
        text += "." + fraction.substr(0, static_cast<std::size_t>(digits));
    }
    return text + zone;
}

std::string format_local(std::int64_t unix_ns) {
    const std::time_t seconds = unix_ns / 1'000'000'000;
    tm parts{};
    ::localtime_r(&seconds, &parts);
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", parts.tm_year + 1900,
                       parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

} // namespace msb
