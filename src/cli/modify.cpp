// msb modify: changes a sandbox that is there.
#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/network_options.hpp"
#include "cli/output.hpp"
#include "cli/parser.hpp"
#include "net/policy/policy.hpp"
#include "sandbox/sandboxes.hpp"

#include <memory>

namespace msb::cli {

namespace {

struct ModifyOptions {
    std::string name;
    NetworkOptions network;
    std::string root_disk;
};

/// What was said about it in place of what there was; rules alone go before its rules.
Result<NetworkSpec> changed(const NetworkSpec& old, const NetworkOptions& options,
                            const Home& home) {
    NetworkSpec network = old;
    if (options.says_what_is_reached()) {
        network = MSB_TRY(make_network(options, home));
        network.published = old.published;
        network.dns = old.dns;
        network.explain_denials = old.explain_denials;
        network.max_connections = old.max_connections;
    } else {
        std::vector<net::Rule> rules = MSB_TRY(parse_net_rules(options.rules));
        rules.insert(rules.end(), old.rules.begin(), old.rules.end());
        network.rules = std::move(rules);
    }
    if (options.max_connections)
        network.max_connections = static_cast<std::uint32_t>(*options.max_connections);
    for (const std::string& sentence : net::idle_rules(network.rules))
        print_warning(sentence);
    return network;
}

Status resize(Context& context, const ModifyOptions& options) {
    const std::uint64_t size = MSB_TRY(parse_memory_mib(options.root_disk));
    auto sandboxes =
        MSB_TRY(Sandboxes::open(MSB_TRY(context.home()), MSB_TRY(context.installation())));
    return sandboxes.resize_root_disk(options.name, size);
}

Status modify(Context& context, const ModifyOptions& options) {
    const NetworkOptions& network = options.network;
    if (!options.root_disk.empty())
        MSB_TRY(resize(context, options));
    if (options.root_disk.empty() && !network.says_what_is_reached() && network.rules.empty() &&
        !network.max_connections)
        return fail(Error(ErrorKind::invalid_argument, "nothing was said that is to change")
                        .with_hint("msb modify --help lists what can be changed"));
    if (!network.says_what_is_reached() && network.rules.empty() && !network.max_connections)
        return {};
    const Home home = MSB_TRY(context.home());
    auto sandboxes = MSB_TRY(Sandboxes::open(home, MSB_TRY(context.installation())));
    (void)MSB_TRY(sandboxes.get(options.name));
    const bool in_force = MSB_TRY(sandboxes.change_network(
        options.name, [&](const NetworkSpec& old) { return changed(old, options.network, home); }));
    if (!in_force)
        print_warning("the sandbox runs without a network: this holds from its next start on");
    return {};
}

} // namespace

void add_modify(Command& parent, Context& context) {
    parent.add("modify",
               "Change what a sandbox may reach, also while it runs, and the size of its root disk",
               group_sandboxes, [&context](Command& command) {
                   auto options = std::make_shared<ModifyOptions>();
                   command.option("name", &options->name, "Sandbox").required();
                   command.option("--root-disk,--oci-upper-size", &options->root_disk,
                                  "Size of its root disk, e.g. 8G; it has to be stopped");
                   add_modification_options(command, options->network);
                   command.footer("Rules alone go before the sandbox's own; any other option "
                                  "takes the place of what may be reached.\n"
                                  "Connections that may not be any more are reset.");
                   command.action([&context, options] {
                       run_command(context, [&] { return modify(context, *options); });
                   });
               });
}

} // namespace msb::cli
