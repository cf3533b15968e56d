// Network policies by name: files $MSB_HOME/policies/NAME.yaml (.yml, .json), and some that come
// along. spec/network_document.hpp has their form.
#pragma once

#include "sandbox/home.hpp"
#include "spec/network_spec.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace msb {

struct PolicySource {
    std::string name;
    std::string path; ///< empty: it came along
    std::string text;
};

/// The user's first. not_found names those that there are.
Result<PolicySource> find_policy(const Home& home, std::string_view name);
/// All names, sorted.
std::vector<PolicySource> list_policies(const Home& home);

/// The network that a policy or a file describes. Errors name the file.
Result<NetworkSpec> read_policy(const Home& home, std::string_view name);
Result<NetworkSpec> read_network_file(const std::string& path);

/// Puts what was asked for explicitly over what `base` says: rules before its rules, profiles and
/// defaults in place of its own, ports beside its own.
NetworkSpec combine(NetworkSpec base, NetworkSpec given);

/// What a new sandbox's network is: with its policy, or, where nothing says what may be reached,
/// with the profiles of the user's configuration.
Result<NetworkSpec> complete_network(const Home& home, NetworkSpec given);

} // namespace msb
