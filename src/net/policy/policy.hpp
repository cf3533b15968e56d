// Which destinations a guest may reach. Decided once a flow, on the address the guest dialled.
#pragma once

#include "base/address.hpp"

#include <optional>
#include <span>
#include <string_view>
#include <vector>

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
};
std::string_view to_string(Group group);

struct Gateways {
    std::optional<IpAddress> v4;
    std::optional<IpAddress> v6;
};

/// The IPv4 address inside a mapped, NAT64 or 6to4 address; any other as it is.
IpAddress embedded_v4(const IpAddress& address);

/// Addresses that contain an IPv4 address are what that one is. `metadata`: more services than
/// those that are known.
Group classify(const IpAddress& address, const Gateways& gateways,
               std::span<const Prefix> metadata = {});

/// Profiles (`--net`); none of them: no connection leaves the guest.
struct Policy {
    bool public_network = false;
    bool private_network = false;
    bool host = false;
    bool all = false;
    std::vector<Prefix> metadata; ///< more services of the group

    bool any() const { return public_network || private_network || host || all; }
    bool allows(Group group) const;
    /// Names are answered where anything may be reached.
    bool allows_dns() const { return any(); }
    bool operator==(const Policy&) const = default;
};

} // namespace msb::net
