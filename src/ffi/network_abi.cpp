// Networks of sandboxes: changing what they may reach, asking, and what they did.
#include "api/network.hpp"
#include "api/storage.hpp"
#include "ffi/abi.hpp"

using namespace msb;
using namespace msb::ffi;

namespace {

json::Value policy_json(const PolicySource& policy) {
    return {{"name", policy.name}, {"path", or_null(policy.path)}};
}

NetworkLogQuery log_query(Options& options) {
    constexpr std::uint64_t longest_ms = std::uint64_t{100} * 365 * 24 * 3600 * 1000;
    constexpr std::int64_t ns_per_ms = 1'000'000;
    NetworkLogQuery query{.denied = options.flag("denied"),
                          .tail = options.number("tail", std::uint64_t{1} << 40)};
    if (const auto since = options.number("since_ms", longest_ms))
        query.since_ns = static_cast<std::int64_t>(*since) * ns_per_ms;
    return query;
}

/// Nothing if nothing is said about them.
std::optional<SecretsModification> secrets_change(Options& options) {
    SecretsModification change;
    const auto removed = options.texts("remove_secrets");
    change.remove = removed.value_or(std::vector<std::string>());
    change.reload = options.flag("reload_secrets");
    const json::Value list = options.any("secrets");
    if (!list.is_null()) {
        auto read = read_secrets(list);
        if (!read)
            return options.complain(read.error().message()), std::nullopt;
        change.set.list = std::move(*read);
    }
    const auto action = options.optional_text("secret_violation_action");
    if (action) {
        auto read = parse_secret_action(*action);
        if (!read)
            return options.complain(read.error().message()), std::nullopt;
        change.set.action = std::move(*read);
    }
    if (change.set.empty() && change.remove.empty() && !change.reload && !action)
        return std::nullopt;
    return change;
}

} // namespace

MSB_API char* msb_sandbox_modify(const char* name, const char* options, char** result) {
    return call_on(0, name, [&](const std::string& known, api::Cancel*) -> Outcome<void> {
        Options given(options);
        NetworkSpec network;
        const bool changes_network = given.has("network");
        const auto root_disk = given.number("root_disk_size_mib", max_root_disk_mib);
        const auto secrets = secrets_change(given);
        if (!changes_network && !root_disk && !secrets)
            given.complain("nothing was said that is to change");
        read_network_member(given, network);
        MSB_TRY(given.done());
        NetworkModified modified;
        if (changes_network)
            modified = MSB_TRY(api::modify(known, network));
        if (secrets && !MSB_TRY(api::modify_secrets(known, *secrets)))
            modified.in_force = false;
        if (root_disk && !MSB_TRY(api::resize_root_disk(known, *root_disk)))
            modified.in_force = false;
        give(result,
             {{"name", known}, {"in_force", modified.in_force}, {"warnings", modified.warnings}});
        return {};
    });
}

MSB_API char* msb_network_check(const char* name, const char* destination, char** result) {
    return call_on(0, name, [&](const std::string& known, api::Cancel*) -> Outcome<void> {
        const auto to = MSB_TRY(text_argument(destination, "destination"));
        give(result, to_document(MSB_TRY(api::check_network(known, to))));
        return {};
    });
}

MSB_API char* msb_network_log(const char* name, const char* options, char** result) {
    return call_on(0, name, [&](const std::string& known, api::Cancel*) -> Outcome<void> {
        Options given(options);
        const NetworkLogQuery query = log_query(given);
        MSB_TRY(given.done());
        json::Value list = json::array();
        for (const NetworkEntry& entry : MSB_TRY(api::network_log(known, query)))
            list.push_back(entry.to_document());
        give(result, list);
        return {};
    });
}

MSB_API char* msb_network_learn(const char* name, char** result) {
    return call_on(0, name, [&](const std::string& known, api::Cancel*) -> Outcome<void> {
        give(result, {{"policy", MSB_TRY(api::learn_network(known))}});
        return {};
    });
}

MSB_API char* msb_network_policies(char** result) {
    return call([&]() -> Outcome<void> {
        MSB_TRY(locate_installation());
        json::Value list = json::array();
        for (const PolicySource& policy : MSB_TRY(api::network_policies()))
            list.push_back(policy_json(policy));
        give(result, list);
        return {};
    });
}

MSB_API char* msb_network_policy(const char* name, char** result) {
    return call_on(0, name, [&](const std::string& known, api::Cancel*) -> Outcome<void> {
        const PolicySource policy = MSB_TRY(api::network_policy(known));
        json::Value document = policy_json(policy);
        document["text"] = policy.text;
        give(result, document);
        return {};
    });
}
