#include "agent/tcp/names.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <net/if.h>

namespace msb::agent {

namespace {

constexpr std::size_t max_servers = 3;
constexpr std::size_t max_search = 6;
constexpr std::size_t max_name = 253; ///< RFC 1035 §2.3.4, without the final dot
constexpr std::size_t max_label = 63;
constexpr std::size_t header_size = 12;
constexpr std::uint16_t class_internet = 1;

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

unsigned number_or(std::string_view text, unsigned fallback, unsigned low, unsigned high) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        return fallback;
    return std::clamp(value, low, high);
}

void parse_options(std::string_view line, ResolverConfig& config) {
    for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
        const std::size_t colon = word.find(':');
        if (colon == std::string_view::npos)
            continue;
        const std::string_view value = word.substr(colon + 1);
        if (word.starts_with("ndots:"))
            config.dots = number_or(value, config.dots, 0, 15);
        else if (word.starts_with("timeout:"))
            config.seconds = number_or(value, config.seconds, 1, 30);
        else if (word.starts_with("attempts:"))
            config.attempts = number_or(value, config.attempts, 1, 5);
    }
}

/// Steps over a possibly compressed name; false at the end of the message.
bool skip_name(BytesView message, std::size_t& at) {
    while (at < message.size()) {
        const std::uint8_t length = message[at++];
        if (length == 0)
            return true;
        if ((length & 0xc0U) == 0xc0U) // a pointer ends the name
            return ++at <= message.size();
        if (length > max_label)
            return false;
        at += length;
    }
    return false;
}

std::uint16_t load16(BytesView message, std::size_t at) {
    return load_be<std::uint16_t>(message.subspan(at, 2));
}

} // namespace

std::optional<IpAddress> parse_address(std::string_view text) {
    if (text.size() >= 2 && text.front() == '[' && text.back() == ']')
        text = text.substr(1, text.size() - 2);
    const std::size_t percent = text.find('%');
    const std::string address(text.substr(0, percent));
    IpAddress result;
    if (percent == std::string_view::npos &&
        ::inet_pton(AF_INET, address.c_str(), result.bytes.data()) == 1)
        return result;
    result.v6 = true;
    if (::inet_pton(AF_INET6, address.c_str(), result.bytes.data()) != 1)
        return std::nullopt;
    if (percent == std::string_view::npos)
        return result;
    const std::string scope(text.substr(percent + 1));
    result.scope = number_or(scope, 0, 0, UINT32_MAX);
    if (result.scope == 0)
        result.scope = ::if_nametoindex(scope.c_str());
    return result.scope == 0 ? std::nullopt : std::optional(result);
}

std::vector<IpAddress> find_in_hosts(std::string_view file, std::string_view name) {
    std::vector<IpAddress> found;
    while (!file.empty() && found.size() < max_addresses) {
        std::string_view line = next_line(file);
        const auto address = parse_address(next_word(line));
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
            const auto server = parse_address(next_word(line));
            if (server && config.servers.size() < max_servers)
                config.servers.push_back(*server);
        } else if (key == "search" || key == "domain") { // the last one counts
            config.search.clear();
            for (std::string_view word = next_word(line);
                 !word.empty() && config.search.size() < max_search; word = next_word(line))
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

std::optional<Bytes> make_question(std::uint16_t id, std::string_view name, RecordType type) {
    if (name.empty() || name.size() > max_name)
        return std::nullopt;
    Bytes message(header_size);
    store_be(MutableBytesView(message).first(2), id);
    message[2] = 1; // recursion desired
    message[5] = 1; // one question
    while (!name.empty()) {
        const std::size_t length = std::min(name.find('.'), name.size());
        if (length == 0 || length > max_label || length + 1 == name.size())
            return std::nullopt;
        message.push_back(static_cast<std::uint8_t>(length));
        message.insert(message.end(), name.begin(),
                       name.begin() + static_cast<std::ptrdiff_t>(length));
        name.remove_prefix(std::min(length + 1, name.size()));
    }
    message.insert(message.end(), {0, 0, static_cast<std::uint8_t>(type), 0, class_internet});
    return message;
}

std::optional<Answer> parse_answer(BytesView message, BytesView question) {
    static constexpr std::size_t max_records = 256;
    if (message.size() < question.size() || question.size() < header_size + 5)
        return std::nullopt;
    const bool is_reply = (message[2] & 0x80U) != 0;
    if (!is_reply || load16(message, 0) != load16(question, 0) || load16(message, 4) != 1)
        return std::nullopt;
    const BytesView asked = question.subspan(header_size);
    if (!same_name(as_text(message.subspan(header_size, asked.size())), as_text(asked)))
        return std::nullopt;
    Answer answer;
    if ((message[2] & 0x02U) != 0) {
        answer.outcome = Answer::Outcome::truncated;
        return answer;
    }
    const unsigned code = message[3] & 0x0fU;
    if (code != 0) {
        answer.outcome = code == 3 ? Answer::Outcome::no_such_name : Answer::Outcome::server_failed;
        return answer;
    }
    // The type was asked for, so an address anywhere behind the question belongs to the name or to
    // what it is an alias of.
    const std::uint16_t type = load16(question, question.size() - 4);
    const std::size_t size = type == static_cast<std::uint16_t>(RecordType::a) ? 4 : 16;
    const std::size_t count = std::min<std::size_t>(load16(message, 6), max_records);
    std::size_t at = question.size();
    answer.outcome = Answer::Outcome::no_such_record;
    for (std::size_t i = 0; i < count && answer.addresses.size() < max_addresses; ++i) {
        if (!skip_name(message, at) || message.size() - at < 10)
            break;
        const std::size_t length = load16(message, at + 8);
        const bool matches = load16(message, at) == type &&
                             load16(message, at + 2) == class_internet && length == size;
        at += 10;
        if (message.size() - at < length)
            break;
        if (matches) {
            IpAddress address;
            address.v6 = size == 16;
            std::ranges::copy(message.subspan(at, size), address.bytes.begin());
            answer.addresses.push_back(address);
            answer.outcome = Answer::Outcome::addresses;
        }
        at += length;
    }
    return answer;
}

} // namespace msb::agent
