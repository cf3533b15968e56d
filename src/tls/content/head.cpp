#include "tls/content/head.hpp"

#include <algorithm>
#include <charconv>

namespace msb::tls {

namespace {

constexpr std::string_view line_end = "\r\n";

std::unexpected<Refusal> refuse(std::string why) {
    return std::unexpected(std::move(why));
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

/// RFC 9110 §5.6.2
bool is_token(std::string_view text) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::ranges::all_of(text, [&](char c) {
        return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
               marks.find(c) != std::string_view::npos;
    });
}

bool is_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// No control characters but tabs.
bool is_value(std::string_view text) {
    return std::ranges::none_of(text, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && c != '\t') || byte == 0x7f;
    });
}

std::string_view trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos)
        return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// The next line without its end; nothing if it has none, or another one than CR LF.
std::optional<std::string_view> take_line(std::string_view& text) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos || end == 0 || text[end - 1] != '\r')
        return std::nullopt;
    const std::string_view line = text.substr(0, end - 1);
    text.remove_prefix(end + 1);
    if (line.find('\r') != std::string_view::npos)
        return std::nullopt;
    return line;
}

/// "HTTP/1.0", "HTTP/1.1"
std::optional<unsigned> minor_of(std::string_view version) {
    constexpr std::string_view major = "HTTP/1.";
    if (version.size() != major.size() + 1 || !version.starts_with(major) ||
        !is_digits(version.substr(major.size())))
        return std::nullopt;
    return static_cast<unsigned>(version.back() - '0');
}

std::expected<std::optional<std::uint64_t>, Refusal> length_of(const Head& head) {
    std::optional<std::uint64_t> length;
    for (const Field& field : head.fields) {
        if (!same_name(field.name, "content-length"))
            continue;
        std::uint64_t value = 0;
        const auto [end, error] =
            std::from_chars(field.value.data(), field.value.data() + field.value.size(), value);
        constexpr std::size_t most_digits = 18;
        if (!is_digits(field.value) || field.value.size() > most_digits || error != std::errc())
            return refuse("a Content-Length that is no number");
        if (length && *length != value)
            return refuse("two lengths that differ");
        length = value;
    }
    return length;
}

bool is_chunked(std::string_view coding) {
    return same_name(coding, "chunked");
}

} // namespace

bool same_name(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

const std::string* Head::find(std::string_view name) const {
    const auto found = std::ranges::find_if(
        fields, [&](const Field& field) { return same_name(field.name, name); });
    return found == fields.end() ? nullptr : &found->value;
}

void Head::remove(std::string_view name) {
    std::erase_if(fields, [&](const Field& field) { return same_name(field.name, name); });
}

void Head::set(std::string_view name, std::string value) {
    remove(name);
    fields.push_back({std::string(name), std::move(value)});
}

std::size_t Head::count(std::string_view name) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        fields, [&](const Field& field) { return same_name(field.name, name); }));
}

std::string_view RequestHead::path() const {
    std::string_view path = target;
    if (const auto scheme = path.find("://");
        scheme != std::string_view::npos && !path.starts_with('/')) {
        path.remove_prefix(scheme + 3);
        const auto slash = path.find('/');
        path = slash == std::string_view::npos ? "/" : path.substr(slash);
    }
    return path.substr(0, path.find('?'));
}

std::string RequestHead::text() const {
    return method + " " + target + " HTTP/1." + std::to_string(minor) + "\r\n" +
           fields_text(fields) + "\r\n";
}

std::string ResponseHead::text() const {
    return status_line + "\r\n" + fields_text(fields) + "\r\n";
}

std::string fields_text(const std::vector<Field>& fields) {
    std::string text;
    for (const Field& field : fields)
        text += field.name + ": " + field.value + "\r\n";
    return text;
}

std::expected<std::vector<Field>, Refusal> read_fields(std::string_view text) {
    std::vector<Field> fields;
    while (!text.empty()) {
        const auto line = take_line(text);
        if (!line)
            return refuse("a line that does not end with CR LF");
        const auto colon = line->find(':');
        if (colon == std::string_view::npos || !is_token(line->substr(0, colon)))
            return refuse("a header line that is none");
        const std::string_view value = trimmed(line->substr(colon + 1));
        if (!is_value(value))
            return refuse("a control character in a header");
        if (fields.size() >= most_fields)
            return refuse("more than " + std::to_string(most_fields) + " headers");
        fields.push_back({std::string(line->substr(0, colon)), std::string(value)});
    }
    return fields;
}

std::expected<RequestHead, Refusal> read_request(std::string_view text) {
    RequestHead head;
    const auto line = take_line(text);
    if (!line)
        return refuse("a request line that does not end with CR LF");
    const auto first = line->find(' '), second = line->find(' ', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos)
        return refuse("a request line that is none");
    head.method = line->substr(0, first);
    head.target = line->substr(first + 1, second - first - 1);
    const auto minor = minor_of(line->substr(second + 1));
    const bool visible = !head.target.empty() && std::ranges::all_of(head.target, [](char c) {
        return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) != 0x7f;
    });
    if (!is_token(head.method) || !visible || !minor)
        return refuse("a request line that is none");
    head.minor = *minor;
    if (!text.ends_with(line_end))
        return refuse("no end");
    auto fields = read_fields(text.substr(0, text.size() - line_end.size()));
    if (!fields)
        return std::unexpected(fields.error());
    head.fields = std::move(*fields);
    return head;
}

std::expected<ResponseHead, Refusal> read_response(std::string_view text) {
    ResponseHead head;
    const auto line = take_line(text);
    constexpr std::size_t version_size = 8, status_size = 3;
    if (!line || line->size() < version_size + 1 + status_size || (*line)[version_size] != ' ')
        return refuse("a status line that is none");
    const auto minor = minor_of(line->substr(0, version_size));
    const std::string_view status = line->substr(version_size + 1, status_size);
    const std::string_view rest = line->substr(version_size + 1 + status_size);
    if (!minor || !is_digits(status) || (!rest.empty() && rest.front() != ' ') || !is_value(rest))
        return refuse("a status line that is none");
    std::from_chars(status.data(), status.data() + status.size(), head.status);
    head.status_line = *line;
    head.minor = *minor;
    if (!text.ends_with(line_end))
        return refuse("no end");
    auto fields = read_fields(text.substr(0, text.size() - line_end.size()));
    if (!fields)
        return std::unexpected(fields.error());
    head.fields = std::move(*fields);
    return head;
}

std::expected<Framing, Refusal> request_framing(const RequestHead& head) {
    const auto length = length_of(head);
    if (!length)
        return std::unexpected(length.error());
    const std::size_t codings = head.count("transfer-encoding");
    if (codings == 0)
        return *length ? Framing{Framing::Kind::length, **length} : Framing{};
    if (*length)
        return refuse("both a length and a transfer coding");
    if (codings > 1 || !is_chunked(*head.find("transfer-encoding")) || head.minor == 0)
        return refuse("a transfer coding other than chunked");
    return Framing{Framing::Kind::chunked, 0};
}

std::expected<Framing, Refusal> response_framing(const ResponseHead& head,
                                                 std::string_view method) {
    constexpr unsigned no_content = 204, not_modified = 304, ok = 200;
    const auto length = length_of(head);
    if (!length)
        return std::unexpected(length.error());
    if (head.status < ok || head.status == no_content || head.status == not_modified ||
        method == "HEAD")
        return Framing{};
    const std::size_t codings = head.count("transfer-encoding");
    if (codings > 0) {
        if (*length || codings > 1 || !is_chunked(*head.find("transfer-encoding")))
            return refuse("a response whose end is not certain");
        return Framing{Framing::Kind::chunked, 0};
    }
    return *length ? Framing{Framing::Kind::length, **length}
                   : Framing{Framing::Kind::until_close, 0};
}

Looks looks_like_request(std::string_view begin) {
    const auto end = begin.find(' '), line_end = begin.find('\n');
    const std::string_view method = begin.substr(0, end);
    if (begin.empty())
        return Looks::unknown;
    if (!is_token(method) || method.size() > most_method ||
        !std::ranges::all_of(method,
                             [](char c) { return (c >= 'A' && c <= 'Z') || c == '-' || c == '_'; }))
        return Looks::other;
    // "SET key value" is none. What a server could still take for one is: it is read strictly then.
    if (line_end != std::string_view::npos)
        return begin.substr(0, line_end).find("HTTP/") == std::string_view::npos ? Looks::other
                                                                                 : Looks::request;
    return begin.size() > most_head ? Looks::request : Looks::unknown;
}

} // namespace msb::tls
