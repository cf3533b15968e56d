#include "api/networks.hpp"

#include "api/open_launcher.hpp"
#include "base/time.hpp"
#include "net/policy/groups.hpp"
#include "sandbox/networks/joining.hpp"

#include <algorithm>

namespace msb {

Result<NetworkView> look_at_network(Sandboxes& sandboxes, const std::string& name) {
    const Networks networks(sandboxes.home());
    NetworkView view{.network = MSB_TRY(networks.open(name)), .members = {}};
    const auto joined =
        MSB_TRY(mend_network(sandboxes.home(), MSB_TRY(Installation::locate()), name));
    for (const auto& [sandbox, address] : networks.members(name)) {
        const auto found = sandboxes.get(sandbox);
        if (!found)
            continue; // removed meanwhile, or damaged
        view.members.push_back({.sandbox = sandbox,
                                .address = address,
                                .status = found->state.status,
                                .joined = std::ranges::find(joined, address) != joined.end()});
    }
    return view;
}

Result<std::vector<NetworkView>> look_at_networks(Sandboxes& sandboxes) {
    std::vector<NetworkView> views;
    for (const Network& network : MSB_TRY(Networks(sandboxes.home()).list())) {
        auto view = look_at_network(sandboxes, network.name);
        if (view)
            views.push_back(std::move(*view));
        else if (view.error().kind() != ErrorKind::not_found)
            return fail(std::move(view).error());
    }
    return views;
}

json::Value network_document(const NetworkView& view) {
    json::Value members = json::array();
    for (const NetworkMember& member : view.members)
        members.push_back({{"sandbox", member.sandbox},
                           {"address", member.address.to_string()},
                           {"address_v6", net::member_v6(member.address).to_string()},
                           {"status", to_string(member.status)},
                           {"joined", member.joined}});
    return {{"name", view.network.name},
            {"subnet", view.network.subnet.to_string()},
            {"members", members},
            {"created_at", format_rfc3339(view.network.created_at_ns, 3)}};
}

namespace api {

namespace {

template <typename T> Outcome<T> about_network(Result<T> result, const std::string& name) {
    if (result) {
        if constexpr (std::is_void_v<T>)
            return {};
        else
            return std::move(*result);
    }
    const ErrorKind kind = result.error().kind();
    Failure failure(std::move(result).error());
    failure.name = name;
    if (kind == ErrorKind::not_found)
        failure.kind = FailureKind::network_not_found;
    else if (kind == ErrorKind::already_exists)
        failure.kind = FailureKind::network_already_exists;
    else if (kind == ErrorKind::busy)
        failure.kind = FailureKind::network_in_use;
    return fail(std::move(failure));
}

} // namespace

Outcome<NetworkView> create_network(const std::string& name, const std::string& subnet) {
    const Launcher launcher = MSB_TRY(open_launcher());
    std::optional<Prefix> wanted;
    if (!subnet.empty()) {
        wanted = Prefix::parse(subnet);
        if (!wanted)
            return fail(Failure(Error(ErrorKind::invalid_argument, "not a prefix: " + subnet)));
    }
    Result<Network> made = Networks(launcher.home()).create(name, wanted);
    return NetworkView{MSB_TRY(about_network(std::move(made), name)), {}};
}

Outcome<NetworkView> get_network(const std::string& name) {
    Launcher launcher = MSB_TRY(open_launcher());
    return about_network(look_at_network(launcher.sandboxes(), name), name);
}

Outcome<std::vector<NetworkView>> list_networks() {
    Launcher launcher = MSB_TRY(open_launcher());
    return MSB_TRY(look_at_networks(launcher.sandboxes()));
}

Outcome<void> remove_network(const std::string& name) {
    const Launcher launcher = MSB_TRY(open_launcher());
    return about_network(Networks(launcher.home()).remove(name), name);
}

Outcome<std::vector<std::string>> prune_networks() {
    const Launcher launcher = MSB_TRY(open_launcher());
    return MSB_TRY(Networks(launcher.home()).prune());
}

} // namespace api
} // namespace msb
