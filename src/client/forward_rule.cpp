#include "client/forward_rule.hpp"

#include "base/address.hpp"

#include <optional>

namespace msb {

namespace {

constexpr const char* rule_hint =
    "examples: 8080, 8080:80, 0.0.0.0:8080:80, 8080:db:5432, 8080:/run/app.sock, "
    "./app.sock:/run/app.sock";
constexpr const char* local_host = "localhost";

std::unexpected<Error> bad_rule(std::string_view text, const std::string& why) {
    return fail(
        Error(ErrorKind::invalid_argument, "cannot forward \"" + std::string(text) + "\": " + why)
            .with_hint(rule_hint));
}

bool is_path(std::string_view part) {
    return part.find('/') != std::string_view::npos;
}
bool is_guest_socket(std::string_view part) {
    return part.starts_with('/') || part.starts_with('@');
}

/// Splits at colons outside of brackets.
std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> parts;
    std::size_t begin = 0;
    bool in_brackets = false;
    for (std::size_t i = 0; i <= text.size(); ++i) {
        if (i < text.size() && text[i] == '[')
            in_brackets = true;
        else if (i < text.size() && text[i] == ']')
            in_brackets = false;
        else if (i == text.size() || (text[i] == ':' && !in_brackets)) {
            parts.push_back(text.substr(begin, i - begin));
            begin = i + 1;
        }
    }
    return parts;
}

std::string without_brackets(std::string_view host) {
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    return std::string(host);
}

std::optional<std::string> parse_bind_address(std::string_view text) {
    std::string address = without_brackets(text);
    if (address == "*")
        return "0.0.0.0";
    if (address == local_host)
        return "127.0.0.1";
    return IpAddress::parse(address) ? std::optional(address) : std::nullopt;
}

/// The rest of the rule after the listening side: a socket, PORT or HOST:PORT.
Result<TcpTarget> make_target(std::string_view text, std::vector<std::string_view> parts) {
    TcpTarget target;
    if (parts.size() == 1 && is_guest_socket(parts[0])) {
        target.host = "unix:" + std::string(parts[0]);
        return target;
    }
    if (parts.empty() || parts.size() > 2)
        return bad_rule(text, "the guest's side is PORT, HOST:PORT or a socket's absolute path");
    const auto port = parse_port(parts.back());
    if (!port || *port == 0)
        return bad_rule(text, "\"" + std::string(parts.back()) + "\" is not a port of the guest");
    target.port = *port;
    target.host = parts.size() == 1 ? local_host : without_brackets(parts[0]);
    if (target.host.empty() || is_path(target.host))
        return bad_rule(text, "\"" + target.host + "\" is not a host name");
    return target;
}

} // namespace

std::string ForwardListen::to_string() const {
    if (!path.empty())
        return path;
    const bool v6 = address.find(':') != std::string::npos;
    return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

Result<ForwardRule> parse_forward_rule(std::string_view text) {
    ForwardRule rule;
    std::vector<std::string_view> parts = split(text);
    const auto take = [&] {
        const std::string_view part = parts.front();
        parts.erase(parts.begin());
        return part;
    };
    if (is_path(parts[0])) {
        rule.listen.path = take();
        if (parts.empty())
            return bad_rule(text, "the guest's side is missing");
    } else {
        // BIND:PORT:... if the first part is an address, else PORT:...
        if (parts.size() > 1 && !parse_port(parts[0])) {
            const auto address = parse_bind_address(take());
            if (!address)
                return bad_rule(text, "neither a port nor an address to listen on comes first");
            rule.listen.address = *address;
        }
        const auto port = parse_port(parts[0]);
        if (!port)
            return bad_rule(text, "\"" + std::string(parts[0]) + "\" is not a port");
        rule.listen.port = *port;
        if (parts.size() > 1)
            take();
    }
    rule.target = MSB_TRY(make_target(text, std::move(parts)));
    return rule;
}

Result<TcpTarget> parse_tcp_target(std::string_view text) {
    if (text.starts_with("unix:"))
        text.remove_prefix(5);
    if (is_guest_socket(text))
        return make_target(text, {text});
    return make_target(text, split(text));
}

} // namespace msb
