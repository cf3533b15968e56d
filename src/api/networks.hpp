// The private networks of this MSB_HOME.
#pragma once

#include "api/failure.hpp"
#include "json/value.hpp"
#include "sandbox/networks/networks.hpp"
#include "sandbox/sandboxes.hpp"

#include <string>
#include <vector>

namespace msb {

struct NetworkMember {
    std::string sandbox;
    IpAddress address;
    SandboxStatus status = SandboxStatus::stopped;
    bool joined = false; ///< the others reach it
};

struct NetworkView {
    Network network;
    std::vector<NetworkMember> members; ///< by address
};

/// Joins members that run and are not joined, because a switch was killed. not_found.
Result<NetworkView> look_at_network(Sandboxes& sandboxes, const std::string& name);
/// By name.
Result<std::vector<NetworkView>> look_at_networks(Sandboxes& sandboxes);

json::Value network_document(const NetworkView& view);

namespace api {

/// `subnet`: empty: one is chosen. network_already_exists.
Outcome<NetworkView> create_network(const std::string& name, const std::string& subnet);
/// network_not_found.
Outcome<NetworkView> get_network(const std::string& name);
Outcome<std::vector<NetworkView>> list_networks();
/// network_in_use while a sandbox is a member. network_not_found.
Outcome<void> remove_network(const std::string& name);
/// The names of those that were removed: no sandbox, not even a stopped one, was in them.
Outcome<std::vector<std::string>> prune_networks();

} // namespace api
} // namespace msb
