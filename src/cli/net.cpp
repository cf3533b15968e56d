// msb net: questions about a sandbox's network.
#include "api/network.hpp"
#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/output.hpp"
#include "cli/parser.hpp"
#include "json/text.hpp"

#include <algorithm>
#include <memory>

namespace msb::cli {

namespace {

struct CheckOptions {
    std::string name;
    std::string destination;
    std::string format;
};

/// Exit code 1 where the answer is no.
Status check(Context& context, const CheckOptions& options) {
    const auto destination = MSB_TRY(NetworkDestination::parse(options.destination));
    const Home home = MSB_TRY(context.home());
    auto sandboxes = MSB_TRY(Sandboxes::open(home, MSB_TRY(context.installation())));
    const auto view = MSB_TRY(sandboxes.get(options.name));
    const auto answers = MSB_TRY(check_network(view.spec, home, destination));
    const bool allow = std::ranges::all_of(answers, &NetworkAnswer::allow);
    context.exit_code = allow ? 0 : exit_failure;
    if (options.format == "json") {
        (void)print(json::to_text(to_document(answers), 2) + "\n");
        return {};
    }
    for (const NetworkAnswer& answer : answers)
        (void)print((answer.allow ? "allow  " : "deny   ") + answer.flow + "\n       " +
                    answer.reason + "\n");
    return {};
}

struct PoliciesOptions {
    std::string name;
};

/// All policies, or the text of one.
Status policies(Context& context, const PoliciesOptions& options) {
    const Home home = MSB_TRY(context.home());
    if (!options.name.empty()) {
        const PolicySource source = MSB_TRY(find_policy(home, options.name));
        (void)MSB_TRY(read_policy(home, options.name)); // to say what is wrong with it
        (void)print(source.text);
        return {};
    }
    Table table({"NAME", "FROM"});
    for (const PolicySource& source : list_policies(home))
        table.add({source.name, source.path.empty() ? "msb" : source.path});
    (void)print(table.render());
    return {};
}

} // namespace

void add_net(Command& parent, Context& context) {
    Command& net = parent.add_family("net", "Questions about a sandbox's network", group_sandboxes);
    net.add(
        "check", "Whether a guest may reach a destination, and why; sends nothing", group_sandboxes,
        [&context](Command& command) {
            auto options = std::make_shared<CheckOptions>();
            command.option("name", &options->name, "Sandbox").names(ValueOf::sandbox).required();
            command
                .option("destination", &options->destination,
                        "HOST[:PORT[/tcp|udp]], an address or a name (default: 443/tcp)")
                .required();
            command.option("--format", &options->format, "Output format").one_of({"json"});
            command.action([&context, options] {
                run_command(context, [&] { return check(context, *options); });
            });
        });
    add_net_log(net, context);
    net.add("policies", "Policies for --policy, or what one says", group_sandboxes,
            [&context](Command& command) {
                auto options = std::make_shared<PoliciesOptions>();
                command.option("name", &options->name, "Policy to show").names(ValueOf::policy);
                command.action([&context, options] {
                    run_command(context, [&] { return policies(context, *options); });
                });
            });
}

} // namespace msb::cli
