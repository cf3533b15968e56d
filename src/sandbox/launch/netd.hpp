// Starting the process that is a sandbox's network.
#pragma once

#include "base/process.hpp"
#include "dns/config.hpp"
#include "net/config.hpp"
#include "spec/network_plan.hpp"
#include "spec/network_spec.hpp"

#include <string>
#include <vector>

namespace msb {

struct StartedNetwork {
    Child process;
    /// For the runtime alone: when its last copy is closed, netd ends. Log lines come out of it.
    OwnedFd lifeline;
};

/// Binds the published ports and `device_socket`, and starts netd. Errors name the port. `plan`
/// gets the host's search domains. `home`: where the user's configuration is.
Result<StartedNetwork> start_network(const NetworkSpec& spec, NetworkPlan& plan,
                                     const std::string& home, const std::string& program,
                                     const std::string& device_socket, const std::string& log_level,
                                     int control_group);

/// Whom a guest's questions go to. Without any in the configuration: the local one.
std::vector<Endpoint> resolvers_of(const dns::ResolverConfig& config);

} // namespace msb
