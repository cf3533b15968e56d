// The sandbox's network (netd), as the launching command starts it.
#pragma once

#include "dns/config.hpp"
#include "jail/jail.hpp"
#include "net/config.hpp"
#include "sandbox/launch/helper.hpp"
#include "spec/network_plan.hpp"
#include "spec/network_spec.hpp"

#include <string_view>
#include <vector>

namespace msb {

/// netd, with all that it needs but a process: making one takes as long as a guest's kernel takes to
/// reach its first device, so that is done while the kernel boots.
struct NetdStart {
    jail::Request request;
    std::vector<OwnedFd> owned; ///< the descriptors that it gets
    OwnedFd lifeline;           ///< the runtime's end; log lines come out of it

    Result<Child> spawn() const;
};

/// Binds the published ports, which learn what was chosen for them, and the device's socket. Errors
/// name the port. `plan` gets the host's search domains.
Result<NetdStart> prepare_netd(const HelperStart& start, NetworkSpec& spec, NetworkPlan& plan);

/// What a sandbox's network allows on this machine. `home` has the user's configuration.
Result<net::Policy> policy_of(const NetworkSpec& spec, const std::string& home);

/// The resolvers for a guest's queries; the local one if none is configured.
std::vector<Endpoint> resolvers_of(const dns::ResolverConfig& config);

} // namespace msb
