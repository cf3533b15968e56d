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

Status modify(Context& context, const ModifyOptions& options) {
    const NetworkOptions& network = options.network;
    if (!network.says_what_is_reached() && network.rules.empty() && !network.max_connections)
        return fail(Error(ErrorKind::invalid_argument, "nothing was said that is to change")
                        .with_hint("msb modify --help lists what can be changed"));
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
    parent.add("modify", "Change what a sandbox may reach, also while it runs", group_sandboxes,
               [&context](Command& command) {
                   auto options = std::make_shared<ModifyOptions>();
                   command.option("name", &options->name, "Sandbox").required();
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
