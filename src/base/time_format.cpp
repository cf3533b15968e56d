// Apart from time.cpp so that the guest agent can read clocks without the formatting library.
#include "base/time.hpp"

#include <array>
#include <ctime>
#include <fmt/core.h>

namespace msb {

namespace {

/// Takes exactly `count` digits off the front of `text`.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
    if (text.size() < count)
        return std::nullopt;
    int value = 0;
    for (const char c : text.substr(0, count)) {
        if (c < '0' || c > '9')
            return std::nullopt;
        value = value * 10 + (c - '0');
    }
    text.remove_prefix(count);
    return value;
}

bool take(std::string_view& text, std::string_view any_of) {
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos)
        return false;
    text.remove_prefix(1);
    return true;
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar; years count from March, so that the
/// leap day is the last of its year.
std::int64_t days_since_epoch(int year, int month, int day) {
    const int y = year - (month <= 2 ? 1 : 0);
    const int m = (month + 9) % 12;
    const std::int64_t leap_days = y / 4 - y / 100 + y / 400;
    return std::int64_t{365} * y + leap_days + (m * 306 + 5) / 10 + (day - 1) - 719468;
}

int days_in_month(int year, int month) {
    static constexpr std::array<int, 12> days = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[static_cast<std::size_t>(month - 1)];
}

std::optional<std::int64_t> take_date(std::string_view& text) {
    const auto year = take_digits(text, 4);
    if (!year || !take(text, "-"))
        return std::nullopt;
    const auto month = take_digits(text, 2);
    if (!month || *month < 1 || *month > 12 || !take(text, "-"))
        return std::nullopt;
    const auto day = take_digits(text, 2);
    // 2261 is the last whole year of 64-bit nanoseconds.
    if (!day || *year < 1970 || *year > 2261 || *day < 1 || *day > days_in_month(*year, *month))
        return std::nullopt;
    return days_since_epoch(*year, *month, *day);
}

std::optional<std::int64_t> take_time_of_day(std::string_view& text) {
    const auto hour = take_digits(text, 2);
    if (!hour || *hour > 23 || !take(text, ":"))
        return std::nullopt;
    const auto minute = take_digits(text, 2);
    if (!minute || *minute > 59 || !take(text, ":"))
        return std::nullopt;
    const auto second = take_digits(text, 2);
    if (!second || *second > 60) // a leap second
        return std::nullopt;
    return *hour * 3600 + *minute * 60 + *second;
}

/// Nanoseconds of ".123", or 0 without a fraction.
std::optional<std::int64_t> take_fraction(std::string_view& text) {
    if (!take(text, "."))
        return 0;
    std::int64_t value = 0;
    std::int64_t unit = 100'000'000;
    bool any = false;
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; any = true) {
        value += (text.front() - '0') * unit;
        unit /= 10;
        text.remove_prefix(1);
    }
    return any ? std::optional(value) : std::nullopt;
}

/// Seconds east of UTC.
std::optional<std::int64_t> take_offset(std::string_view& text) {
    if (take(text, "Zz"))
        return 0;
    if (text.empty() || (text.front() != '+' && text.front() != '-'))
        return std::nullopt;
    const int sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
    const auto hours = take_digits(text, 2);
    if (!hours || *hours > 23 || !take(text, ":"))
        return std::nullopt;
    const auto minutes = take_digits(text, 2);
    if (!minutes || *minutes > 59)
        return std::nullopt;
    return sign * (*hours * 3600 + *minutes * 60);
}

} // namespace

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
    const auto days = take_date(text);
    if (!days || !take(text, "Tt "))
        return std::nullopt;
    const auto seconds = take_time_of_day(text);
    if (!seconds)
        return std::nullopt;
    const auto fraction = take_fraction(text);
    if (!fraction)
        return std::nullopt;
    const auto offset = take_offset(text);
    if (!offset || !text.empty())
        return std::nullopt;
    return (*days * 86400 + *seconds - *offset) * 1'000'000'000 + *fraction;
}

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
