#include "net/address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>

namespace msb::net {

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

IpAddress IpAddress::loopback(bool v6) {
    return v6 ? IpAddress(Ipv6Bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})
              : IpAddress(Ipv4Bytes{127, 0, 0, 1});
}

std::string IpAddress::to_string() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), text.data(), text.size());
    return text.data();
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
    return Endpoint{IpAddress::from(bytes), ntohs(address.sin6_port)};
}

} // namespace msb::net
