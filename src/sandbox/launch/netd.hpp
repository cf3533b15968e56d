// The sandbox's network (netd), as the launching command starts it.
#pragma once

#include "net/config.hpp"
#include "sandbox/launch/helper.hpp"
#include "spec/network_plan.hpp"
#include "spec/network_spec.hpp"

#include <string>

namespace msb {

using NetdStart = JailedStart;

/// Binds the published ports, which learn what was chosen for them, and the device's socket. Errors
/// name the port. `plan` gets the host's search domains.
Result<NetdStart> prepare_netd(const HelperStart& start, NetworkSpec& spec, NetworkPlan& plan);

/// What a sandbox's network allows on this machine. `home` has the user's configuration.
Result<net::Policy> policy_of(const NetworkSpec& spec, const std::string& home);

} // namespace msb
