#include "sandbox/launch/proxy.hpp"

#include "spec/proxy_url.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <netdb.h>

namespace msb {

namespace {

std::string of_environment(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? "" : value;
}

/// As curl and others have it: the small spelling first.
std::string first_of_environment(std::initializer_list<const char*> names) {
    for (const char* name : names)
        if (std::string value = of_environment(name); !value.empty())
            return value;
    return {};
}

Result<IpAddress> address_of(const std::string& host) {
    if (const auto address = IpAddress::parse(host))
        return *address;
    const addrinfo hints{.ai_flags = 0, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(found, [](addrinfo* one) {
        if (one != nullptr)
            ::freeaddrinfo(one);
    });
    for (const addrinfo* one = found; error == 0 && one != nullptr; one = one->ai_next) {
        SocketAddress name;
        name.size = std::min<socklen_t>(one->ai_addrlen, sizeof(name.storage));
        std::memcpy(&name.storage, one->ai_addr, name.size);
        if (const auto end = name.endpoint())
            return end->address;
    }
    return fail(ErrorKind::unreachable, "the proxy's name '" + host + "' leads nowhere");
}

} // namespace

Result<std::optional<net::Proxy>> find_proxy(const std::string& wanted) {
    const bool of_env = wanted == "env";
    const std::string text =
        of_env ? first_of_environment({"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"})
               : wanted;
    if (text.empty())
        return std::nullopt;
    ProxyUrl url = MSB_TRY(ProxyUrl::parse(text, of_env));
    if (const std::string name = of_environment("MSB_PROXY_USERNAME"); !name.empty()) {
        url.username = name;
        url.password = of_environment("MSB_PROXY_PASSWORD");
    }
    return std::optional(
        net::Proxy{.kind = url.socks ? net::Proxy::Kind::socks5 : net::Proxy::Kind::http,
                   .endpoint = {MSB_TRY(address_of(url.host)), url.port},
                   .username = url.username,
                   .password = url.password,
                   .exempt = of_env ? first_of_environment({"no_proxy", "NO_PROXY"}) : ""});
}

} // namespace msb
