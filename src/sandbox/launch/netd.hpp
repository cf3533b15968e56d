// Starting the process that is a sandbox's network.
#pragma once

#include "base/process.hpp"
#include "net/config.hpp"
#include "spec/network_plan.hpp"
#include "spec/network_spec.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace msb {

struct StartedNetwork {
    Child process;
    /// For the runtime alone: when its last copy is closed, netd ends. Log lines come out of it.
    OwnedFd lifeline;
};

/// Binds the published ports and `device_socket`, and starts netd. Errors name the port.
Result<StartedNetwork> start_network(const NetworkSpec& spec, const NetworkPlan& plan,
                                     const std::string& program, const std::string& device_socket,
                                     const std::string& log_level, int control_group);

/// Of resolv.conf(5); at most three. Without any: the local one.
std::vector<net::Endpoint> parse_resolvers(std::string_view resolv_conf);

} // namespace msb
