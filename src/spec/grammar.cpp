// Grammars of command line values: sizes, durations, variables, labels, limits.
#include "spec/grammar.hpp"

#include "spec/spec.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

namespace msb {

namespace {

constexpr std::uint64_t max_memory_mib = std::uint64_t{64} << 20; // 64 TiB

} // namespace

std::optional<std::uint64_t> parse_integer(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty())
        return std::nullopt;
    return value;
}

Result<std::uint64_t> parse_memory_mib(std::string_view text) {
    const auto bad = [&](std::string_view why) {
        return invalid("invalid size (expected e.g. 512M, 1G): '" + std::string(text) + "' " +
                       std::string(why));
    };
    if (text.empty())
        return bad("is empty");
    const char unit = text.back();
    std::uint64_t mib = 0;
    if (unit == 'G' || unit == 'g') {
        double gib = 0;
        const std::string digits(text.substr(0, text.size() - 1));
        const char* last = digits.c_str() + digits.size();
        const auto [end, error] =
            std::from_chars(digits.c_str(), last, gib, std::chars_format::fixed);
        if (error != std::errc{} || end != last || !(gib >= 0))
            return bad("is not a number of gibibytes");
        if (gib > static_cast<double>(max_memory_mib) / 1024)
            return bad("is too large");
        mib = static_cast<std::uint64_t>(gib * 1024);
    } else {
        const bool suffixed = unit == 'M' || unit == 'm';
        const auto value = parse_integer(text.substr(0, text.size() - (suffixed ? 1 : 0)));
        if (!value)
            return bad("is not a number of mebibytes");
        mib = *value;
    }
    if (mib > max_memory_mib)
        return bad("is too large");
    if (mib == 0)
        return bad("is less than 1 MiB");
    return mib;
}

Result<std::uint64_t> parse_duration_ms(std::string_view text, bool fine) {
    const auto bad = [&] {
        return invalid("invalid duration (expected e.g. 30s, 5m, 1h): '" + std::string(text) + "'");
    };
    std::uint64_t factor = 1000;
    std::string_view digits = text;
    if (fine && text.ends_with("ms")) {
        factor = 1;
        digits.remove_suffix(2);
    } else if (!text.empty()) {
        switch (text.back()) {
        case 's': digits.remove_suffix(1); break;
        case 'm':
            factor = 60'000;
            digits.remove_suffix(1);
            break;
        case 'h':
            factor = 3'600'000;
            digits.remove_suffix(1);
            break;
        case 'd':
            factor = 86'400'000;
            digits.remove_suffix(1);
            break;
        default: break;
        }
    }
    const auto value = parse_integer(digits);
    if (!value || *value > UINT64_MAX / 2 / factor || (*value == 0 && !fine))
        return bad();
    return *value * factor;
}

Result<std::uint32_t> parse_metrics_interval(std::string_view text) {
    const auto bad = [&](std::string_view why) {
        return invalid("invalid interval (expected e.g. 500ms, 1s, 1m): '" + std::string(text) +
                       "' " + std::string(why));
    };
    double factor = 1000;
    std::string_view digits = text;
    bool whole = false; // of these units there are no parts
    if (digits.ends_with("ms")) {
        factor = 1;
        whole = true;
        digits.remove_suffix(2);
    } else if (digits.ends_with('m')) {
        factor = 60'000;
        whole = true;
        digits.remove_suffix(1);
    } else if (digits.ends_with('s')) {
        digits.remove_suffix(1);
    }
    double number = 0;
    const char* const last = digits.data() + digits.size();
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number,
                                              std::chars_format::fixed);
    if (digits.empty() || error != std::errc{} || end != last || !(number >= 0) ||
        (whole && !parse_integer(digits)))
        return bad("is not a time");
    const double ms = number * factor;
    if (ms != 0 && ms < least_metrics_interval_ms)
        return bad("is less than 100 ms");
    if (ms > most_metrics_interval_ms)
        return bad("is more than a day");
    return static_cast<std::uint32_t>(ms);
}

Result<std::pair<std::string, std::string>> parse_env(std::string_view text) {
    const auto equals = text.find('=');
    std::string key(text.substr(0, equals));
    if (key.empty())
        return invalid("environment variable must be KEY=value or KEY, got '" + std::string(text) +
                       "'");
    if (key.starts_with("MSB_"))
        return invalid("environment variable '" + key + "' uses the reserved prefix 'MSB_'");
    if (equals != std::string_view::npos)
        return std::pair(std::move(key), std::string(text.substr(equals + 1)));
    const char* value = std::getenv(key.c_str());
    if (value == nullptr)
        return invalid("environment variable '" + key + "' not set");
    return std::pair(std::move(key), std::string(value));
}

Result<std::pair<std::string, std::string>> parse_label(std::string_view text) {
    const auto equals = text.find('=');
    std::string key(text.substr(0, equals));
    if (key.empty())
        return invalid("invalid config: label key must not be empty");
    for (const char* prefix : {"sandbox.", "microsandbox.", "service."})
        if (key.starts_with(prefix))
            return invalid("invalid config: label '" + key + "' uses reserved prefix '" + prefix +
                           "'");
    std::string value(equals == std::string_view::npos ? "" : text.substr(equals + 1));
    return std::pair(std::move(key), std::move(value));
}

Result<Rlimit> parse_rlimit(std::string_view text) {
    static constexpr std::array<std::string_view, 16> known = {
        "cpu",     "fsize", "data",  "stack",      "core",     "rss",  "nproc",  "nofile",
        "memlock", "as",    "locks", "sigpending", "msgqueue", "nice", "rtprio", "rttime"};
    const auto equals = text.find('=');
    if (equals == std::string_view::npos)
        return invalid("rlimit must be RESOURCE=LIMIT or RESOURCE=SOFT:HARD, got '" +
                       std::string(text) + "'");
    Rlimit limit;
    limit.resource = text.substr(0, equals);
    std::transform(limit.resource.begin(), limit.resource.end(), limit.resource.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (std::find(known.begin(), known.end(), limit.resource) == known.end())
        return invalid("unknown rlimit resource '" + limit.resource + "'");
    const std::string_view values = text.substr(equals + 1);
    const auto colon = values.find(':');
    const auto soft = parse_integer(values.substr(0, colon));
    const auto hard =
        colon == std::string_view::npos ? soft : parse_integer(values.substr(colon + 1));
    if (!soft || !hard)
        return invalid("rlimit '" + std::string(text) + "': limits are whole numbers");
    if (*soft > *hard)
        return invalid("rlimit '" + std::string(text) + "': soft limit is above the hard limit");
    limit.soft = *soft;
    limit.hard = *hard;
    return limit;
}

} // namespace msb
