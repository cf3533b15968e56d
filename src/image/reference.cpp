#include "image/reference.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

namespace msb::image {

namespace {

constexpr std::size_t max_name_length = 255;
constexpr std::size_t max_tag_length = 128;
constexpr std::string_view default_domain = "docker.io";

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_lower(char c) {
    return (c >= 'a' && c <= 'z') || is_digit(c);
}
bool is_alphanumeric(char c) {
    return is_lower(c) || (c >= 'A' && c <= 'Z');
}

// Lower-case letters and digits; between them single separators: ".", "_", "__" or any number of
// dashes.
bool is_path_component(std::string_view text) {
    if (text.empty() || !is_lower(text.front()) || !is_lower(text.back()))
        return false;
    for (std::size_t i = 0; i < text.size();) {
        if (is_lower(text[i])) {
            ++i;
            continue;
        }
        std::size_t end = i;
        while (end < text.size() && !is_lower(text[end]))
            ++end;
        const std::string_view separator = text.substr(i, end - i);
        if (separator != "." && separator != "_" && separator != "__" &&
            separator.find_first_not_of('-') != std::string_view::npos)
            return false;
        i = end;
    }
    return true;
}

bool is_host_component(std::string_view text) {
    return !text.empty() && is_alphanumeric(text.front()) && is_alphanumeric(text.back()) &&
           std::ranges::all_of(text, [](char c) { return is_alphanumeric(c) || c == '-'; });
}

bool is_host(std::string_view host) {
    if (host.starts_with('[')) {
        if (!host.ends_with(']') || host.size() < 4)
            return false;
        return std::ranges::all_of(host.substr(1, host.size() - 2), [](char c) {
            return std::isxdigit(static_cast<unsigned char>(c)) != 0 || c == ':';
        });
    }
    for (;;) {
        const auto dot = host.find('.');
        if (!is_host_component(host.substr(0, dot)))
            return false;
        if (dot == std::string_view::npos)
            return true;
        host.remove_prefix(dot + 1);
    }
}

bool is_port(std::string_view text) {
    if (text.empty() || text.size() > 5 || !std::ranges::all_of(text, is_digit))
        return false;
    int port = 0;
    for (const char c : text)
        port = port * 10 + (c - '0');
    return port >= 1 && port <= 65535;
}

bool is_domain(std::string_view text) {
    const auto bracket = text.rfind(']');
    const auto colon = text.rfind(':');
    if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket))
        return is_host(text.substr(0, colon)) && is_port(text.substr(colon + 1));
    return is_host(text);
}

bool is_tag(std::string_view text) {
    if (text.empty() || text.size() > max_tag_length ||
        (!is_alphanumeric(text.front()) && text.front() != '_'))
        return false;
    return std::ranges::all_of(
        text, [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

// The first component is a domain only if it cannot be a Docker Hub name: it has a dot or a colon,
// is "localhost", or has upper-case letters.
bool looks_like_domain(std::string_view component) {
    return component == "localhost" || component.find_first_of(".:") != std::string_view::npos ||
           std::ranges::any_of(component, [](char c) { return c >= 'A' && c <= 'Z'; });
}

std::unexpected<Error> invalid(std::string_view text, const std::string& why) {
    std::string shown;
    for (const char c : text.substr(0, 200))
        shown += c >= ' ' && c != 0x7f ? c : '?';
    return fail(ErrorKind::invalid_argument, "invalid image reference '" + shown + "': " + why);
}

std::optional<std::string> path_problem(std::string_view path) {
    if (path.empty())
        return "the repository name is empty";
    for (;;) {
        const auto slash = path.find('/');
        const std::string_view component = path.substr(0, slash);
        if (!is_path_component(component)) {
            const bool upper =
                std::ranges::any_of(component, [](char c) { return c >= 'A' && c <= 'Z'; });
            return upper ? "the repository name must be lower case"
                         : "the repository name may hold a-z, 0-9 and single separators . _ __ - "
                           "between them";
        }
        if (slash == std::string_view::npos)
            return std::nullopt;
        path.remove_prefix(slash + 1);
    }
}

} // namespace

Result<Reference> Reference::parse(std::string_view text) {
    if (text.empty())
        return fail(ErrorKind::invalid_argument, "image reference is empty");
    if (is_sha256_hex(text))
        return invalid(text, "64 hex digits are an image id, not a name");
    Reference result;
    std::string_view name = text;
    if (const auto at = name.find('@'); at != std::string_view::npos) {
        auto digest = Digest::parse(name.substr(at + 1));
        if (!digest)
            return invalid(text, digest.error().message());
        result.digest_ = std::move(*digest);
        name = name.substr(0, at);
    }
    // A colon after the last slash starts the tag; one before it belongs to the port.
    const auto slash = name.rfind('/');
    const auto colon = name.rfind(':');
    if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
        if (!is_tag(name.substr(colon + 1)))
            return invalid(text, "the tag may hold 1 to 128 letters, digits, _ . -");
        result.tag_ = name.substr(colon + 1);
        name = name.substr(0, colon);
    }
    const auto first = name.find('/');
    if (first != std::string_view::npos && looks_like_domain(name.substr(0, first))) {
        if (!is_domain(name.substr(0, first)))
            return invalid(text, "the registry host name is malformed");
        result.domain_ = name.substr(0, first);
        name = name.substr(first + 1);
    }
    if (result.domain_.empty() || result.domain_ == "index.docker.io")
        result.domain_ = default_domain;
    if (const auto problem = path_problem(name))
        return invalid(text, *problem);
    result.path_ = name;
    if (result.domain_ == default_domain && result.path_.find('/') == std::string::npos)
        result.path_ = "library/" + result.path_;
    if (result.repository().size() > max_name_length)
        return invalid(text, "the name is longer than 255 characters");
    if (result.tag_.empty() && result.digest_.empty())
        result.tag_ = "latest";
    return result;
}

std::string Reference::to_string() const {
    std::string text = repository();
    if (!tag_.empty())
        text += ":" + tag_;
    if (!digest_.empty())
        text += "@" + digest_.to_string();
    return text;
}

} // namespace msb::image
