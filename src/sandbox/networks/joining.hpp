// The running side of private networks: the switch (net/members/switch.hpp), one process for each network
// that has running members, and their netd.
//
// Whoever needs a switch and finds none starts one; a lock sees to it that there is one. If it is killed,
// members keep the flows that there are and find nobody for new ones, until the next command that has
// to do with the network (a member's start, a look at it) joins all of them again.
#pragma once

#include "sandbox/home.hpp"
#include "spec/spec.hpp"

#include <string>
#include <vector>

namespace msb {

/// Makes the netd of a sandbox that starts a member, and with it those that a killed switch has lost.
Status join_network(const Home& home, const Installation& installation, const SandboxSpec& spec);

/// Joins the members that run and that a killed switch has lost. Who has joined then.
Result<std::vector<IpAddress>> mend_network(const Home& home, const Installation& installation,
                                            const std::string& network);

} // namespace msb
