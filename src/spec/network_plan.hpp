// The guest's place in its network: addresses, gateway, names.
#pragma once

#include "base/address.hpp"
#include "spec/network_link.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msb {

struct NetworkPlan {
    Mac guest_mac{};
    Mac gateway_mac{};
    std::optional<Subnet> v4, v6;
    std::uint16_t mtu = 1500;
    /// Of the host's resolv.conf(5), for the guest's.
    std::vector<std::string> search, resolver_options;

    /// A pure function of the sandbox's name and of what its interface was asked to be, and of the
    /// families that the host has a route for; those with an address that was asked for are there
    /// without.
    static NetworkPlan make(std::string_view name, const InterfaceSpec& interface, bool with_v4,
                            bool with_v6);
};

/// "addr=172.16.0.2/30,gw=172.16.0.1,dns=172.16.0.1": the guest's MSB_NET_IPV4 or MSB_NET_IPV6.
std::string describe(const Subnet& subnet);

} // namespace msb
