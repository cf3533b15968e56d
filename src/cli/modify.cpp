// msb modify: changes a sandbox that is there.
#include "api/network.hpp"
#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/network_options.hpp"
#include "cli/output.hpp"
#include "cli/parser.hpp"

#include <memory>

namespace msb::cli {

namespace {

struct ModifyOptions {
    std::string name;
    NetworkOptions network;
    std::string root_disk;
    std::vector<std::string> removed_secrets;
    bool reload_secrets = false;

    bool says_secrets() const {
        return !network.tls.secrets.empty() || !network.tls.secret_files.empty() ||
               !network.tls.violation_action.empty() || !removed_secrets.empty() || reload_secrets;
    }
    bool says_network() const {
        return network.says_what_is_reached() || !network.rules.empty() || network.max_connections;
    }
};

Status resize(Context& context, const ModifyOptions& options) {
    const std::uint64_t size = MSB_TRY(parse_memory_mib(options.root_disk));
    auto sandboxes =
        MSB_TRY(Sandboxes::open(MSB_TRY(context.home()), MSB_TRY(context.installation())));
    if (!MSB_TRY(sandboxes.resize_root_disk(options.name, size)))
        print_warning("the root disk is in memory: it has the new size from the next start on");
    return {};
}

Status change_secrets(Context& context, const ModifyOptions& options) {
    const SecretsModification change{.set = MSB_TRY(said_secrets(options.network.tls)),
                                     .remove = options.removed_secrets,
                                     .reload = options.reload_secrets};
    auto sandboxes =
        MSB_TRY(Sandboxes::open(MSB_TRY(context.home()), MSB_TRY(context.installation())));
    if (!MSB_TRY(modify_secrets(sandboxes, options.name, change)))
        print_warning("the sandbox runs without interception: this holds from its next start on");
    return {};
}

Status modify(Context& context, const ModifyOptions& options) {
    const NetworkOptions& network = options.network;
    if (options.root_disk.empty() && !options.says_network() && !options.says_secrets())
        return fail(Error(ErrorKind::invalid_argument, "nothing was said that is to change")
                        .with_hint("msb modify --help lists what can be changed"));
    if (options.says_secrets())
        MSB_TRY(change_secrets(context, options));
    if (!options.root_disk.empty())
        MSB_TRY(resize(context, options));
    if (!options.says_network())
        return {};
    const NetworkModification change{.network = MSB_TRY(said_network(network)),
                                     .rules_alone = !network.says_what_is_reached()};
    auto sandboxes =
        MSB_TRY(Sandboxes::open(MSB_TRY(context.home()), MSB_TRY(context.installation())));
    const NetworkModified modified = MSB_TRY(modify_network(sandboxes, options.name, change));
    for (const std::string& sentence : modified.warnings)
        print_warning(sentence);
    if (!modified.in_force)
        print_warning("the sandbox runs without a network: this holds from its next start on");
    return {};
}

} // namespace

void add_modify(Command& parent, Context& context) {
    parent.add(
        "modify",
        "Change what a sandbox may reach, its secrets and the size of its root disk, also "
        "while it runs",
        group_sandboxes, [&context](Command& command) {
            auto options = std::make_shared<ModifyOptions>();
            command.option("name", &options->name, "Sandbox").names(ValueOf::sandbox).required();
            command.option("--root-disk,--oci-upper-size", &options->root_disk,
                           "Size of its root disk, e.g. 8G: a larger one");
            add_modification_options(command, options->network);
            add_secret_options(command, options->network.tls);
            command.option("--secret-rm", &options->removed_secrets,
                           "ENV: the secret of this variable is taken away (repeatable)");
            command.flag("--secret-reload", &options->reload_secrets,
                         "Read the values of all secrets from their sources again");
            command.footer("Rules alone go before the sandbox's own; any other option "
                           "takes the place of what may be reached.\n"
                           "Connections that may not be any more are reset.");
            command.action([&context, options] {
                run_command(context, [&] { return modify(context, *options); });
            });
        });
}

} // namespace msb::cli
