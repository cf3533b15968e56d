// Who the guest is in its network, and who is around it.
#pragma once

#include "net/address.hpp"

#include <optional>
#include <string_view>

namespace msb {

struct NetworkPlan {
    net::Mac guest_mac{};
    net::Mac gateway_mac{};
    std::optional<net::Subnet> v4, v6;

    /// A pure function of the sandbox's name, and of the families that the host has a route for.
    static NetworkPlan make(std::string_view name, bool with_v4, bool with_v6);
};

/// "addr=172.16.0.2/30,gw=172.16.0.1,dns=172.16.0.1": the guest's MSB_NET_IPV4 or MSB_NET_IPV6.
std::string describe(const net::Subnet& subnet);

} // namespace msb
