// msb agent: for programs that speak the wire protocol themselves.
#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/output.hpp"
#include "cli/parser.hpp"
#include "json/text.hpp"
#include "spec/spec.hpp"

#include <memory>

namespace msb::cli {

namespace {

struct SocketPathOptions {
    std::string name;
    std::string format;
};

Status socket_path(Context& context, const SocketPathOptions& options) {
    MSB_TRY(validate_name(options.name));
    const Home home = MSB_TRY(context.home());
    MSB_TRY(home.publish_sockets());
    const std::string path = home.agent_socket_path(options.name);
    if (options.format == "json") {
        const json::Value document = {{"name", options.name}, {"socket_path", path}};
        (void)print(json::to_text(document, 2) + "\n");
    } else {
        (void)print(path + "\n");
    }
    return {};
}

} // namespace

void add_agent(Command& parent, Context& context) {
    Command& agent =
        parent.add_family("agent", "For programs that talk to a sandbox's agent", group_other);
    agent.add(
        "socket-path", "Path of a sandbox's agent socket; the sandbox need not run or exist",
        group_other, [&context](Command& command) {
            auto options = std::make_shared<SocketPathOptions>();
            command.option("name", &options->name, "Sandbox").names(ValueOf::sandbox).required();
            command.option("--format", &options->format, "Output format").one_of({"json"});
            command.action([&context, options] {
                run_command(context, [&] { return socket_path(context, *options); });
            });
        });
}

} // namespace msb::cli
