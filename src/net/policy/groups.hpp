// What an address means to a guest: each belongs to one group.
#pragma once

#include "base/address.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace msb::net {

/// An address belongs to exactly one.
enum class Group {
    reserved, ///< what no host on the Internet has: documentation, benchmarks, future use
    host,     ///< the gateway, which stands for the host's loopback
    metadata, ///< credentials of cloud machines
    loopback, ///< of whoever sends to it
    private_network,
    link_local,
    multicast,
    public_network,
    member, ///< of the private network that the sandbox has joined
};
std::string_view to_string(Group group);

/// The name of the host, as a guest sees it.
inline constexpr std::string_view host_alias = "host.microsandbox.internal";

struct Gateways {
    std::optional<IpAddress> v4;
    std::optional<IpAddress> v6;
    std::optional<Prefix> network; ///< the private one, if the sandbox has joined any
};

/// A member of a private network has an address of each family: the IPv6 one ends with the IPv4 one.
IpAddress member_v6(const IpAddress& v4);
/// The IPv4 address of a member; of any other address what embedded_v4() says.
IpAddress member_v4(const IpAddress& address);

/// The IPv4 address inside a mapped, NAT64 or 6to4 address; any other as it is.
IpAddress embedded_v4(const IpAddress& address);

/// Addresses that contain an IPv4 address are what that one is. `metadata`: more services than
/// those that are known.
Group classify(const IpAddress& address, const Gateways& gateways,
               std::span<const Prefix> metadata = {});

} // namespace msb::net
