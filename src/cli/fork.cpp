// msb fork: sandboxes that begin with another one's disk as it is at one moment.
#include "api/fork.hpp"

#include "cli/commands.hpp"
#include "cli/parser.hpp"
#include "cli/session.hpp"
#include "cli/snapshot.hpp"

#include <memory>

namespace msb::cli {

namespace {

struct ForkCommand {
    ForkRequest request;
    std::vector<std::string> more_names; ///< as options
    bool quiet = false;
};

Status fork(Context& context, const ForkCommand& command) {
    ForkRequest request = command.request;
    request.names.insert(request.names.end(), command.more_names.begin(), command.more_names.end());
    Session session = MSB_TRY(Session::open(context, command.quiet));
    session.progress().begin("Copying", request.source);
    const auto fork = Fork::begin(session.launcher(), request, show_bytes(session));
    if (!fork)
        return unless_interrupted(session, context, fork.error());
    session.progress().clear();
    if (fork->leaves_ports())
        print_warning("ports that '" + request.source + "' publishes stay with it");
    for (const std::string& name : request.names) {
        const auto begun = std::chrono::steady_clock::now();
        NewSandbox sandbox = fork->sandbox(name);
        const auto running = session.create(sandbox, session.launch_options());
        if (!running)
            return session.report_failure(context, running.error(), sandbox.spec), Status();
        if (!command.quiet)
            print_done("Forked", name, std::chrono::steady_clock::now() - begun);
    }
    return {};
}

} // namespace

void add_fork(Command& parent, Context& context) {
    parent.add("fork", "Create sandboxes that begin with another one's disk", group_sandboxes,
               [&context](Command& command) {
                   auto values = std::make_shared<ForkCommand>();
                   command.option("source", &values->request.source, "Sandbox")
                       .names(ValueOf::sandbox)
                       .required();
                   const Option names =
                       command.option("names", &values->request.names, "New sandboxes");
                   const Option more = command.option("-n,--name,--names", &values->more_names,
                                                      "The same: names of new sandboxes");
                   command.require_any({names, more}, "a name of a new sandbox");
                   command.flag(
                       "--copy-while-frozen", &values->request.copy_while_frozen,
                       "A source that runs cannot write to its disk for as long as copying takes");
                   command.flag("-q,--quiet", &values->quiet, "No progress");
                   command.action([&context, values] {
                       run_command(context, [&] { return fork(context, *values); });
                   });
               });
}

} // namespace msb::cli
