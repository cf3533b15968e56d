// A sandbox's place in a private network.
#pragma once

#include "base/address.hpp"

#include <string>
#include <string_view>

namespace msb::net {

/// Below it are the names of networks, and below these the names of members.
inline constexpr std::string_view network_zone = "microsandbox.internal";

struct MembershipPlan {
    std::string network; ///< its name
    Prefix subnet;       ///< IPv4
    IpAddress address;   ///< the sandbox's; it has another one (member_v6)
    bool operator==(const MembershipPlan&) const = default;

    std::string zone() const { return network + "." + std::string(network_zone); }
};

} // namespace msb::net
