#include "base/address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <net/if.h>
#include <netinet/in.h>

namespace msb {

namespace {

template <typename T> std::optional<T> parse_number(std::string_view text) {
    T value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

} // namespace

IpAddress::IpAddress(const Ipv4Bytes& address) {
    std::ranges::copy(address, bytes.begin());
}

IpAddress IpAddress::from(BytesView view) {
    IpAddress address;
    address.v6 = view.size() == 16;
    std::ranges::copy(view, address.bytes.begin());
    return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    const std::string copy(text);
    IpAddress address;
    if (copy.find('\0') != std::string::npos)
        return std::nullopt;
    if (::inet_pton(AF_INET, copy.c_str(), address.bytes.data()) == 1)
        return address;
    address.v6 = true;
    if (::inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1)
        return address;
    return std::nullopt;
}

std::optional<IpAddress> IpAddress::parse_scoped(std::string_view text) {
    const std::size_t percent = text.find('%');
    auto address = parse(text.substr(0, percent));
    if (!address || percent == std::string_view::npos)
        return address;
    const std::string scope(text.substr(percent + 1));
    address->scope = parse_number<std::uint32_t>(scope).value_or(0);
    if (address->scope == 0)
        address->scope = ::if_nametoindex(scope.c_str());
    return address->v6 && address->scope != 0 ? address : std::nullopt;
}

IpAddress IpAddress::loopback(bool v6) {
    return v6 ? IpAddress(Ipv6Bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})
              : IpAddress(Ipv4Bytes{127, 0, 0, 1});
}

std::string IpAddress::to_string() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), text.data(), text.size());
    return scope == 0 ? text.data() : text.data() + ("%" + std::to_string(scope));
}

std::optional<Prefix> Prefix::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto network = IpAddress::parse(text.substr(0, slash));
    if (!network)
        return std::nullopt;
    const unsigned most = network->v6 ? 128 : 32;
    const auto bits = slash == std::string_view::npos
                          ? std::optional(most)
                          : parse_number<unsigned>(text.substr(slash + 1));
    if (!bits || *bits > most)
        return std::nullopt;
    const Prefix prefix{*network, *bits};
    for (unsigned bit = *bits; bit < most; ++bit)
        if ((network->bytes[bit / 8] & (0x80U >> (bit % 8))) != 0)
            return std::nullopt;
    return prefix;
}

bool Prefix::contains(const IpAddress& address) const {
    if (network.v6 != address.v6)
        return false;
    const unsigned whole = bits / 8;
    for (unsigned i = 0; i < whole; ++i) // a loop, because most differ in the first bytes
        if (address.bytes[i] != network.bytes[i])
            return false;
    const unsigned rest = bits % 8;
    return rest == 0 || ((address.bytes[whole] ^ network.bytes[whole]) >> (8 - rest)) == 0;
}

std::string Prefix::to_string() const {
    return network.to_string() + "/" + std::to_string(bits);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    return parse_number<std::uint16_t>(text);
}

std::string Endpoint::to_string() const {
    const std::string text = address.to_string();
    return (address.v6 ? "[" + text + "]" : text) + ":" + std::to_string(port);
}

SocketAddress::SocketAddress(const Endpoint& endpoint) {
    if (endpoint.address.v6) {
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(endpoint.port);
        address.sin6_scope_id = endpoint.address.scope;
        std::memcpy(&address.sin6_addr, endpoint.address.bytes.data(), 16);
        size = sizeof(address);
        std::memcpy(&storage, &address, size);
    } else {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(endpoint.port);
        std::memcpy(&address.sin_addr, endpoint.address.bytes.data(), 4);
        size = sizeof(address);
        std::memcpy(&storage, &address, size);
    }
}

std::optional<Endpoint> SocketAddress::endpoint() const {
    if (storage.ss_family == AF_INET) {
        sockaddr_in address{};
        std::memcpy(&address, &storage, sizeof(address));
        return Endpoint{IpAddress::from(object_bytes(address.sin_addr)), ntohs(address.sin_port)};
    }
    if (storage.ss_family != AF_INET6)
        return std::nullopt;
    sockaddr_in6 address{};
    std::memcpy(&address, &storage, sizeof(address));
    const BytesView bytes = object_bytes(address.sin6_addr);
    if (IN6_IS_ADDR_V4MAPPED(&address.sin6_addr))
        return Endpoint{IpAddress::from(bytes.subspan(12)), ntohs(address.sin6_port)};
    Endpoint endpoint{IpAddress::from(bytes), ntohs(address.sin6_port)};
    endpoint.address.scope = address.sin6_scope_id;
    return endpoint;
}

} // namespace msb
