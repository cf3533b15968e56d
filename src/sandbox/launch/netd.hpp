// The sandbox's network (netd), as the launching command starts it.
#pragma once

#include "net/config.hpp"
#include "sandbox/launch/helper.hpp"
#include "spec/network_plan.hpp"
#include "spec/network_spec.hpp"

#include <string_view>
#include <vector>

namespace msb {

/// Binds the published ports and the device's socket, and starts netd. Log lines come out of its
/// lifeline. Errors name the port.
Result<Helper> start_netd(const HelperStart& start, const NetworkSpec& spec,
                          const NetworkPlan& plan);

/// Of resolv.conf(5); at most three. Without any: the local one.
std::vector<net::Endpoint> parse_resolvers(std::string_view resolv_conf);

} // namespace msb
