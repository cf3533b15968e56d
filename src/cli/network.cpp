// msb network create, list, inspect, remove, prune
#include "api/networks.hpp"
#include "base/time.hpp"
#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/output.hpp"
#include "cli/parser.hpp"
#include "cli/session.hpp"
#include "cli/snapshot.hpp"
#include "net/policy/groups.hpp"

namespace msb::cli {

namespace {

struct NetworkCommand {
    std::string name;
    std::vector<std::string> several;
    std::string subnet;
    std::string format;
    bool quiet = false;
};

Status create(Context& context, const NetworkCommand& command) {
    const Session session = MSB_TRY(Session::open(context, true));
    std::optional<Prefix> subnet;
    if (!command.subnet.empty()) {
        subnet = Prefix::parse(command.subnet);
        if (!subnet)
            return fail(ErrorKind::invalid_argument,
                        "invalid subnet '" + command.subnet +
                            "' (expected an IPv4 prefix of 24 to 29 bits, e.g. 10.77.0.0/24)");
    }
    (void)print(MSB_TRY(Networks(session.home()).create(command.name, subnet)).name + "\n");
    return {};
}

Status list(Context& context, const NetworkCommand& command) {
    Session session = MSB_TRY(Session::open(context, true));
    const auto views = MSB_TRY(look_at_networks(session.sandboxes()));
    if (command.quiet) {
        for (const NetworkView& view : views)
            (void)print(view.network.name + "\n");
        return {};
    }
    if (command.format == "json") {
        json::Value rows = json::array();
        for (const NetworkView& view : views)
            rows.push_back(network_document(view));
        print_json(rows);
        return {};
    }
    if (views.empty())
        return print_stderr("No networks.\n"), Status();
    Table table({"NAME", "SUBNET", "MEMBERS", "CREATED"});
    for (const NetworkView& view : views)
        table.add({view.network.name, view.network.subnet.to_string(),
                   std::to_string(view.members.size()), format_local(view.network.created_at_ns)});
    (void)print(table.render());
    return {};
}

Status inspect(Context& context, const NetworkCommand& command) {
    Session session = MSB_TRY(Session::open(context, true));
    const NetworkView view = MSB_TRY(look_at_network(session.sandboxes(), command.name));
    if (command.format == "json") {
        print_json(network_document(view));
        return {};
    }
    KeyValues text;
    text.add("Name", view.network.name);
    text.add("Subnet", view.network.subnet.to_string());
    text.add("Created", format_local(view.network.created_at_ns));
    if (view.members.empty())
        text.add("Members", "-");
    else
        text.section("Members");
    for (const NetworkMember& member : view.members) {
        const bool unreachable = member.status == SandboxStatus::running && !member.joined;
        text.add_nested(member.sandbox, member.address.to_string() + ", " +
                                            net::member_v6(member.address).to_string() + " (" +
                                            std::string(to_string(member.status)) +
                                            (unreachable ? ", not joined)" : ")"));
    }
    (void)print(text.text());
    return {};
}

Status remove(Context& context, const NetworkCommand& command) {
    const Session session = MSB_TRY(Session::open(context, true));
    Networks networks(session.home());
    bool failed = false;
    for (const std::string& name : command.several) {
        const auto begun = std::chrono::steady_clock::now();
        const Status removed = networks.remove(name);
        if (removed && !command.quiet)
            print_done("Removed", name, std::chrono::steady_clock::now() - begun);
        if (!removed)
            print_error(removed.error());
        failed = failed || !removed;
    }
    return failed ? fail(ErrorKind::system, "some networks failed to remove") : Status();
}

Status prune(Context& context, const NetworkCommand& command) {
    const Session session = MSB_TRY(Session::open(context, true));
    const auto begun = std::chrono::steady_clock::now();
    const auto removed = MSB_TRY(Networks(session.home()).prune());
    if (command.format == "json") {
        json::Value names = json::array();
        for (const std::string& name : removed)
            names.push_back(name);
        print_json(names);
        return {};
    }
    if (removed.empty() && !command.quiet)
        print_stderr("Nothing to remove.\n");
    for (const std::string& name : removed)
        if (!command.quiet)
            print_done("Removed", name, std::chrono::steady_clock::now() - begun);
    return {};
}

} // namespace

void add_network(Command& parent, Context& context) {
    Command& family = parent.add_family("network", "Networks that sandboxes reach each other by",
                                        group_sandboxes);
    family.alias("networks");
    add_subcommand<NetworkCommand>(
        family, context, "create", "Make a network", create,
        [](Command& command, NetworkCommand& values) {
            command.option("name", &values.name, "Name").required();
            command
                .option("--subnet", &values.subnet,
                        "Addresses of its members (default: a part of 10.213.0.0/16)")
                .value_name("PREFIX");
        });
    add_subcommand<NetworkCommand>(
        family, context, "list", "List networks", list,
        [](Command& command, NetworkCommand& values) {
            command.option("--format", &values.format, "Output format").one_of({"json"});
            command.flag("-q,--quiet", &values.quiet, "Names only");
        })
        .alias("ls");
    add_subcommand<NetworkCommand>(
        family, context, "inspect", "Everything about one network", inspect,
        [](Command& command, NetworkCommand& values) {
            command.option("network", &values.name, "Network").names(ValueOf::network).required();
            command.option("--format", &values.format, "Output format").one_of({"json"});
        });
    add_subcommand<NetworkCommand>(family, context, "remove",
                                   "Remove networks that no sandbox is in", remove,
                                   [](Command& command, NetworkCommand& values) {
                                       command.option("networks", &values.several, "Networks")
                                           .names(ValueOf::network)
                                           .required();
                                       command.flag("-q,--quiet", &values.quiet, "No ticks");
                                   })
        .alias("rm");
    add_subcommand<NetworkCommand>(
        family, context, "prune", "Remove all networks that no sandbox is in", prune,
        [](Command& command, NetworkCommand& values) {
            command.option("--format", &values.format, "Output format").one_of({"json"});
            command.flag("-q,--quiet", &values.quiet, "No ticks");
        });
}

} // namespace msb::cli
