#include "dns/config.hpp"

#include <algorithm>
#include <charconv>

namespace msb::dns {

namespace {

constexpr std::size_t max_servers = 3;
constexpr std::size_t max_search = 32;
constexpr std::size_t max_domain = 255;
constexpr std::size_t max_options = 16;
constexpr std::size_t max_option = 64;

std::string_view next_word(std::string_view& line) {
    static constexpr std::string_view blanks = " \t\r";
    const std::size_t begin = std::min(line.find_first_not_of(blanks), line.size());
    const std::size_t end = std::min(line.find_first_of(blanks, begin), line.size());
    const std::string_view word = line.substr(begin, end - begin);
    line.remove_prefix(end);
    return word;
}

/// The next line up to a comment; advances `file`.
std::string_view next_line(std::string_view& file) {
    const std::size_t end = std::min(file.find('\n'), file.size());
    std::string_view line = file.substr(0, end);
    file.remove_prefix(std::min(end + 1, file.size()));
    return line.substr(0, line.find_first_of("#;"));
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

bool is_plain(std::string_view word) {
    return std::ranges::all_of(word, [](char c) { return c > ' ' && c < 0x7f; });
}

unsigned number_or(std::string_view text, unsigned fallback, unsigned low, unsigned high) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        return fallback;
    return std::clamp(value, low, high);
}

void parse_options(std::string_view line, ResolverConfig& config) {
    for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
        if (config.options.size() < max_options && word.size() <= max_option && is_plain(word))
            config.options.emplace_back(word);
        const std::string_view value = word.substr(std::min(word.find(':') + 1, word.size()));
        if (word.starts_with("ndots:"))
            config.dots = number_or(value, config.dots, 0, 15);
        else if (word.starts_with("timeout:"))
            config.seconds = number_or(value, config.seconds, 1, 30);
        else if (word.starts_with("attempts:"))
            config.attempts = number_or(value, config.attempts, 1, 5);
    }
}

} // namespace

std::vector<IpAddress> find_in_hosts(std::string_view file, std::string_view name) {
    std::vector<IpAddress> found;
    while (!file.empty() && found.size() < max_addresses) {
        std::string_view line = next_line(file);
        const auto address = IpAddress::parse_scoped(next_word(line));
        if (!address)
            continue;
        for (std::string_view word = next_word(line); !word.empty(); word = next_word(line))
            if (same_name(word, name)) {
                found.push_back(*address);
                break;
            }
    }
    return found;
}

ResolverConfig parse_resolver_config(std::string_view file) {
    ResolverConfig config;
    while (!file.empty()) {
        std::string_view line = next_line(file);
        const std::string_view key = next_word(line);
        if (key == "nameserver") {
            const auto server = IpAddress::parse_scoped(next_word(line));
            if (server && config.servers.size() < max_servers)
                config.servers.push_back(*server);
        } else if (key == "search" || key == "domain") { // the last one counts
            config.search.clear();
            for (std::string_view word = next_word(line);
                 !word.empty() && config.search.size() < max_search; word = next_word(line))
                if (word.size() <= max_domain && is_plain(word))
                    config.search.emplace_back(word);
        } else if (key == "options") {
            parse_options(line, config);
        }
    }
    return config;
}

std::vector<std::string> candidate_names(const ResolverConfig& config, std::string_view name) {
    if (name.ends_with('.'))
        return {std::string(name.substr(0, name.size() - 1))};
    std::vector<std::string> names;
    names.reserve(config.search.size() + 1);
    for (const std::string& domain : config.search)
        names.push_back(std::string(name) + "." + domain);
    const bool complete = static_cast<std::size_t>(std::ranges::count(name, '.')) >= config.dots;
    names.insert(complete ? names.begin() : names.end(), std::string(name));
    return names;
}

} // namespace msb::dns
