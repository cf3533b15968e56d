#include "spec/proxy_url.hpp"

#include "base/address.hpp"

#include <algorithm>
#include <charconv>

namespace msb {

namespace {

constexpr std::uint16_t http_port = 8080, socks_port = 1080;
constexpr std::size_t longest_host = 253, longest_credential = 255;

/// "%40" as "@".
std::string decoded(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned value = 0;
        const char* const digits = text.data() + i + 1;
        if (text[i] == '%' && i + 2 < text.size() &&
            std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
            result.push_back(static_cast<char>(value));
            i += 2;
        } else {
            result.push_back(text[i]);
        }
    }
    return result;
}

bool is_host(std::string_view host) {
    const auto is_of_a_name = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == '_';
    };
    return IpAddress::parse(host) || (!host.empty() && host.size() <= longest_host &&
                                      std::ranges::all_of(host, is_of_a_name));
}

bool is_credential(std::string_view text) {
    return text.size() <= longest_credential &&
           std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < ' '; });
}

} // namespace

Result<ProxyUrl> ProxyUrl::parse(std::string_view text, bool credentials) {
    const auto bad = [&](std::string_view why) { // without what may be a password
        return invalid("invalid proxy: " + std::string(why) +
                       " (expected http://HOST:PORT, socks5://HOST:PORT or env)");
    };
    ProxyUrl url;
    std::string_view rest = text;
    if (rest.starts_with("http://"))
        rest.remove_prefix(7);
    else if (rest.starts_with("socks5://") || rest.starts_with("socks5h://"))
        rest.remove_prefix(rest.find("://") + 3), url.socks = true;
    else
        return bad("it is neither of http nor of socks5");
    if (rest.ends_with('/'))
        rest.remove_suffix(1);
    if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
        if (!credentials)
            return bad("credentials belong into the environment: MSB_PROXY_USERNAME and "
                       "MSB_PROXY_PASSWORD");
        const std::string_view both = rest.substr(0, at);
        const auto colon = std::min(both.find(':'), both.size());
        url.username = decoded(both.substr(0, colon));
        url.password = decoded(both.substr(std::min(colon + 1, both.size())));
        rest = rest.substr(at + 1);
    }
    if (!is_credential(url.username) || !is_credential(url.password))
        return bad("its credentials cannot be sent");
    url.port = url.socks ? socks_port : http_port;
    const auto colon = rest.rfind(':');
    if (colon != std::string_view::npos && !rest.ends_with(']')) {
        const auto port = parse_port(rest.substr(colon + 1));
        if (!port || *port == 0)
            return bad("its port is none");
        url.port = *port;
        rest = rest.substr(0, colon);
    }
    if (rest.starts_with('[') && rest.ends_with(']'))
        rest = rest.substr(1, rest.size() - 2);
    if (!is_host(rest))
        return bad("its host is neither a name nor an address");
    url.host = rest;
    return url;
}

Status validate_proxy(const std::string& proxy) {
    if (proxy.empty() || proxy == "env")
        return {};
    MSB_TRY(ProxyUrl::parse(proxy, false));
    return {};
}

} // namespace msb
