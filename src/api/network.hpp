// A sandbox's network, for the command line and the library: changing what it may reach, asking what
// it would allow, and reading what it did.
#pragma once

#include "api/failure.hpp"
#include "json/value.hpp"
#include "logs/network_log.hpp"
#include "sandbox/network_check.hpp"
#include "sandbox/policies.hpp"
#include "sandbox/sandboxes.hpp"

#include <optional>
#include <string>
#include <vector>

namespace msb {

struct NetworkModification {
    NetworkSpec network; ///< ports and name servers in it have no effect
    /// What there is may stay: rules of `network` go before its rules. Else `network`, with what its
    /// policy says, takes the place of what may be reached.
    bool rules_alone = false;
};

struct NetworkModified {
    bool in_force = true; ///< false: from the next start on, because it runs without a network
    std::vector<std::string> warnings; ///< about rules that never decide
};

Result<NetworkModified> modify_network(Sandboxes& sandboxes, const std::string& name,
                                       const NetworkModification& change);

struct SecretsModification {
    SecretsSpec set; ///< new ones, and those that take the place of one of that variable
    std::vector<std::string> remove; ///< variables
    bool reload = false;             ///< the values of all are read from their sources again
};

/// All or nothing. False: from the next start on, because it runs without interception.
Result<bool> modify_secrets(Sandboxes& sandboxes, const std::string& name,
                            const SecretsModification& change);

/// {"verdict", "steps": [{"flow", "verdict", "rule", "reason"}]}
json::Value to_document(const std::vector<NetworkAnswer>& answers);

struct NetworkLogQuery {
    bool denied = false;               ///< nothing else
    std::optional<std::uint64_t> tail; ///< the last so many
    std::optional<std::int64_t> since_ns;

    /// But for `tail`.
    bool wants(const NetworkEntry& entry) const;
};

} // namespace msb

namespace msb::api {

Outcome<NetworkModified> modify(const std::string& name, const NetworkSpec& network);
Outcome<bool> modify_secrets(const std::string& name, const SecretsModification& change);
Outcome<std::vector<NetworkAnswer>> check_network(const std::string& name,
                                                  const std::string& destination);
/// Oldest first.
Outcome<std::vector<NetworkEntry>> network_log(const std::string& name,
                                               const NetworkLogQuery& query);
/// A policy document, in YAML, that allows what was recorded.
Outcome<std::string> learn_network(const std::string& name);
/// By name, sorted; without what they say.
Outcome<std::vector<PolicySource>> network_policies();
/// One with its text. A policy that is not right is invalid_config.
Outcome<PolicySource> network_policy(const std::string& name);

} // namespace msb::api
