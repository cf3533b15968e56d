#include "api/network.hpp"

#include "api/open_launcher.hpp"
#include "base/time.hpp"
#include "net/policy/policy.hpp"
#include "sandbox/network_learning.hpp"

#include <algorithm>

namespace msb {

Result<NetworkModified> modify_network(Sandboxes& sandboxes, const std::string& name,
                                       const NetworkModification& change) {
    NetworkModified result;
    const auto changed = [&](const NetworkSpec& old) -> Result<NetworkSpec> {
        NetworkSpec network = old;
        if (change.rules_alone) {
            const auto& rules = change.network.rules;
            network.rules.insert(network.rules.begin(), rules.begin(), rules.end());
        } else {
            network = MSB_TRY(complete_network(sandboxes.home(), change.network));
            network.published = old.published;
            network.joined = old.joined;
            network.dns = old.dns;
            network.interface = old.interface;
            network.rates = old.rates;
            network.proxy = old.proxy;
            network.tls = old.tls;
            network.explain_denials = old.explain_denials;
        }
        network.max_connections =
            change.network.max_connections ? change.network.max_connections : old.max_connections;
        result.warnings = net::idle_rules(network.rules);
        return network;
    };
    (void)MSB_TRY(sandboxes.get(name));
    result.in_force = MSB_TRY(sandboxes.change_network(name, changed));
    return result;
}

Result<bool> modify_secrets(Sandboxes& sandboxes, const std::string& name,
                            const SecretsModification& change) {
    const auto changed = [&](const SecretsSpec& old) -> Result<Sandboxes::ChangedSecrets> {
        Sandboxes::ChangedSecrets result{combine(old, change.set), {}};
        std::vector<SecretSpec>& list = result.secrets.list;
        for (const std::string& env : change.remove)
            if (std::erase_if(list, [&](const SecretSpec& one) { return one.env == env; }) == 0)
                return fail(ErrorKind::not_found, "sandbox '" + name + "' has no secret " + env);
        for (const SecretSpec& secret : change.reload ? list : change.set.list)
            result.fresh.push_back(secret.env);
        return result;
    };
    (void)MSB_TRY(sandboxes.get(name));
    return sandboxes.change_secrets(name, changed);
}

json::Value to_document(const std::vector<NetworkAnswer>& answers) {
    const auto word = [](bool allow) { return allow ? "allow" : "deny"; };
    json::Value steps = json::array();
    for (const NetworkAnswer& answer : answers)
        steps.push_back({{"flow", answer.flow},
                         {"verdict", word(answer.allow)},
                         {"rule", json::or_null(answer.rule)},
                         {"reason", answer.reason}});
    return {{"verdict", word(std::ranges::all_of(answers, &NetworkAnswer::allow))},
            {"steps", steps}};
}

bool NetworkLogQuery::wants(const NetworkEntry& entry) const {
    if (denied && !entry.denied())
        return false;
    return !since_ns || parse_rfc3339(entry.time).value_or(0) >= *since_ns;
}

} // namespace msb

namespace msb::api {

Outcome<NetworkModified> modify(const std::string& name, const NetworkSpec& network) {
    Launcher launcher = MSB_TRY(open_launcher());
    auto modified =
        modify_network(launcher.sandboxes(), name,
                       {.network = network, .rules_alone = !network.says_more_than_rules()});
    if (modified)
        return std::move(*modified);
    if (launcher.sandboxes().get(name) &&
        modified.error().kind() == ErrorKind::not_found) // the policy
        return fail(Failure{FailureKind::invalid_config, std::move(modified).error()});
    return fail(sandbox_failure(std::move(modified).error(), name));
}

Outcome<bool> modify_secrets(const std::string& name, const SecretsModification& change) {
    Launcher launcher = MSB_TRY(open_launcher());
    auto modified = msb::modify_secrets(launcher.sandboxes(), name, change);
    if (modified)
        return *modified;
    if (launcher.sandboxes().get(name) &&
        modified.error().kind() == ErrorKind::not_found) // a secret, or its source
        return fail(Failure{FailureKind::invalid_config, std::move(modified).error()});
    return fail(sandbox_failure(std::move(modified).error(), name));
}

Outcome<std::vector<NetworkAnswer>> check_network(const std::string& name,
                                                  const std::string& destination) {
    const auto to = MSB_TRY(NetworkDestination::parse(destination));
    Launcher launcher = MSB_TRY(open_launcher());
    const SandboxView view = MSB_TRY(about_sandbox(launcher.sandboxes().get(name), name));
    return MSB_TRY(msb::check_network(view.spec, launcher.home(), to));
}

Outcome<std::vector<NetworkEntry>> network_log(const std::string& name,
                                               const NetworkLogQuery& query) {
    Launcher launcher = MSB_TRY(open_launcher());
    (void)MSB_TRY(about_sandbox(launcher.sandboxes().get(name), name));
    std::vector<NetworkEntry> entries;
    MSB_TRY(read_network_log({launcher.home().sandbox(name)}, [&](const NetworkEntry& entry) {
        if (query.wants(entry))
            entries.push_back(entry);
    }));
    if (query.tail && *query.tail < entries.size())
        entries.erase(entries.begin(), entries.end() - static_cast<std::ptrdiff_t>(*query.tail));
    return entries;
}

Outcome<std::string> learn_network(const std::string& name) {
    return learn_policy(MSB_TRY(network_log(name, {})));
}

Outcome<std::vector<PolicySource>> network_policies() {
    Launcher launcher = MSB_TRY(open_launcher());
    return list_policies(launcher.home());
}

Outcome<PolicySource> network_policy(const std::string& name) {
    Launcher launcher = MSB_TRY(open_launcher());
    auto policy = find_policy(launcher.home(), name);
    if (policy)
        if (auto said = read_policy(launcher.home(), name); !said)
            policy = fail(std::move(said).error());
    if (!policy)
        return fail(Failure{FailureKind::invalid_config, std::move(policy).error()});
    return std::move(*policy);
}

} // namespace msb::api
