// Addresses of IP networks, as values.
#pragma once

#include "base/bytes.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace msb {

using Mac = std::array<std::uint8_t, 6>;
using Ipv4Bytes = std::array<std::uint8_t, 4>;
using Ipv6Bytes = std::array<std::uint8_t, 16>;

struct IpAddress {
    bool v6 = false;
    Ipv6Bytes bytes{};       ///< IPv4: the first four, the rest is zero.
    std::uint32_t scope = 0; ///< interface of a link-local IPv6 address, if it is known

    IpAddress() = default;
    explicit IpAddress(const Ipv4Bytes& address);
    explicit IpAddress(const Ipv6Bytes& address) : v6(true), bytes(address) {}
    /// `view` has 4 or 16 bytes.
    static IpAddress from(BytesView view);
    /// "192.0.2.1", "2001:db8::1"
    static std::optional<IpAddress> parse(std::string_view text);
    /// Also "fe80::1%eth0", where this machine has such an interface, and "fe80::1%2".
    static std::optional<IpAddress> parse_scoped(std::string_view text);
    static IpAddress loopback(bool v6);

    BytesView view() const { return BytesView(bytes).first(v6 ? 16 : 4); }
    Ipv4Bytes v4_bytes() const { return {bytes[0], bytes[1], bytes[2], bytes[3]}; }
    /// A scope is a number: "fe80::1%2".
    std::string to_string() const;
    auto operator<=>(const IpAddress&) const = default;
};

/// The addresses that begin with the same bits.
struct Prefix {
    IpAddress network;
    unsigned bits = 0;

    /// "10.0.0.0/8", "fd00::/8"; a plain address is a prefix of full length. Bits behind the prefix
    /// must be 0.
    static std::optional<Prefix> parse(std::string_view text);
    bool contains(const IpAddress& address) const;
    /// Of one address.
    bool is_address() const { return bits == (network.v6 ? 128U : 32U); }
    std::string to_string() const;
    bool operator==(const Prefix&) const = default;
};

/// A decimal number up to 65535.
std::optional<std::uint16_t> parse_port(std::string_view text);

struct Endpoint {
    IpAddress address;
    std::uint16_t port = 0;

    /// "192.0.2.1:80", "[2001:db8::1]:80"
    std::string to_string() const;
    auto operator<=>(const Endpoint&) const = default;
};

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    explicit SocketAddress(const Endpoint& endpoint);
    SocketAddress() : size(sizeof(storage)) {} ///< To be filled in by the kernel.
    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
    /// Nothing if it is of another family. An IPv4 address in IPv6 form becomes IPv4.
    std::optional<Endpoint> endpoint() const;
};

/// For an active address family: the guest's address and the gateway's.
struct Subnet {
    IpAddress guest;
    IpAddress gateway;
    std::uint8_t prefix = 0;
    bool operator==(const Subnet&) const = default;
};

} // namespace msb
