// The policy where it is enforced: on a machine that has addresses of its own.
#pragma once

#include "net/host_routes.hpp"
#include "net/policy/policy.hpp"

namespace msb::net {

/// The policy's verdict about a flow, which may depend on whether this machine has the peer's address.
/// An error: that is unknown, and it matters.
Result<Verdict> judge_here(const Flow& flow, const Policy& policy, const Gateways& gateways,
                           HostRoutes& routes);

} // namespace msb::net
