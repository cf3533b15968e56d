// The guest's network interface.
#pragma once

#include "base/result.hpp"
#include "wire/bootstrap.hpp"

#include <string>

namespace msb::agent {

/// Addresses, MTU, routes, and /etc/resolv.conf. Interface and gateway are there already: the host
/// serves both before the guest starts.
Status set_up_network(const wire::Network& network);

/// Lines of /etc/hosts: the host's name in the guest. Empty without a network.
std::string host_alias_lines(const wire::Bootstrap& bootstrap);

} // namespace msb::agent
