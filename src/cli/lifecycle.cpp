// msb start, stop, restart, kill, drain, rm, ping, touch: commands on many sandboxes, one after the
// other.
#include "cli/commands.hpp"
#include "cli/parser.hpp"
#include "cli/session.hpp"
#include "client/agent_client.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <memory>

namespace msb::cli {

namespace {

struct BulkOptions {
    std::vector<std::string> names;
    std::vector<std::string> labels;
    bool quiet = false;
    bool force = false;
    bool no_wait = false;
    bool touch = false;
    std::string kernel; ///< for this run; empty: as in the specification
    std::uint64_t timeout_seconds = 10;
};

/// What is done to one sandbox; the text, if any, follows its name in the tick.
using Operation = Result<std::string> (*)(Session&, const std::string& name, const BulkOptions&);

Result<std::vector<std::string>> targets(Session& session, const BulkOptions& options) {
    std::vector<std::string> names;
    const auto add = [&](const std::string& name) {
        if (std::find(names.begin(), names.end(), name) == names.end())
            names.push_back(name);
    };
    for (const std::string& name : options.names)
        add(name);
    if (!options.labels.empty()) {
        LabelSelector selector;
        for (const std::string& text : options.labels)
            selector.push_back(MSB_TRY(parse_label(text)));
        for (const SandboxView& view : MSB_TRY(session.sandboxes().list(selector)))
            add(view.spec.name);
        if (names.empty())
            print_warning("no sandboxes matched the given labels");
    }
    return names;
}

/// `verb`: what a tick says.
Status for_each_target(Context& context, const BulkOptions& options, std::string_view verb,
                       Operation operation) {
    Session session = MSB_TRY(Session::open(context, options.quiet));
    for (const std::string& name : MSB_TRY(targets(session, options))) {
        const auto begun = std::chrono::steady_clock::now();
        const auto done = operation(session, name, options);
        if (!done) {
            SandboxSpec named;
            named.name = name;
            session.report_failure(context, done.error(), named);
            if (session.interrupted())
                break;
        } else if (!options.quiet) {
            print_done(verb, done->empty() ? name : name + " " + *done,
                       std::chrono::steady_clock::now() - begun);
        }
    }
    return {};
}

using MoreOptions = std::function<void(Command&, BulkOptions&)>;

/// A command on many sandboxes; `more` adds options of its own.
Command& add_bulk(Command& parent, Context& context, const char* name, const char* help,
                  std::string_view verb, Operation operation, MoreOptions more = {}) {
    const auto build = [&context, verb, operation, more = std::move(more)](Command& command) {
        auto options = std::make_shared<BulkOptions>();
        const Option names =
            command.option("names", &options->names, "Sandboxes").names(ValueOf::sandbox);
        const Option labels = command.option("--label", &options->labels,
                                             "KEY=VALUE: all sandboxes that have it (repeatable)");
        command.flag("-q,--quiet", &options->quiet, "No ticks");
        command.require_any({names, labels}, "NAMES or --label");
        if (more)
            more(command, *options);
        command.action([&context, options, verb, operation] {
            run_command(context,
                        [&] { return for_each_target(context, *options, verb, operation); });
        });
    };
    return parent.add(name, help, group_sandboxes, build);
}

Result<std::string> start_one(Session& session, const std::string& name,
                              const BulkOptions& options) {
    auto view = MSB_TRY(session.sandboxes().get(name));
    if (is_running(view.state.status))
        return fail(ErrorKind::busy,
                    "sandbox still running: cannot start sandbox '" + name + "': already running");
    if (!options.kernel.empty())
        view.spec.kernel = MSB_TRY(kernel_choice(options.kernel));
    MSB_TRY(session.start(std::move(view.spec), session.launch_options()));
    return std::string();
}

Result<std::string> stop_one(Session& session, const std::string& name,
                             const BulkOptions& options) {
    // More than an hour is treated as an hour, so that nothing overflows.
    const std::uint64_t seconds = std::min<std::uint64_t>(options.timeout_seconds, 3600);
    const std::chrono::milliseconds grace(options.force ? 0 : seconds * 1000);
    Sandboxes& sandboxes = session.sandboxes();
    session.progress().begin("Stopping", name);
    const Status stopped = options.no_wait
                               ? sandboxes.request_stop(name, grace)
                               : sandboxes.stop(name, grace, [&] { return session.tick(); });
    session.progress().clear();
    MSB_TRY(Status(stopped));
    return std::string(options.no_wait ? "(requested)" : "");
}

Result<std::string> drain_one(Session& session, const std::string& name,
                              const BulkOptions& options) {
    Sandboxes& sandboxes = session.sandboxes();
    session.progress().begin("Draining", name);
    const Status drained = options.no_wait ? sandboxes.request_drain(name)
                                           : sandboxes.drain(name, [&] { return session.tick(); });
    session.progress().clear();
    MSB_TRY(Status(drained));
    return std::string(options.no_wait ? "(requested)" : "");
}

/// Sends `request` to the agent of a running sandbox; how long the answer took, for people.
template <typename Answer, typename Request>
Result<std::string> ask_agent(Session& session, const std::string& name, const Request& request,
                              const std::string& verb) {
    using Clock = std::chrono::steady_clock;
    const auto view = MSB_TRY(session.sandboxes().get(name));
    if (!is_active(view.state.status))
        return fail(ErrorKind::unreachable, "sandbox '" + name + "' is not running (status: " +
                                                std::string(to_string(view.state.status)) +
                                                "); cannot " + verb);
    const auto loop = MSB_TRY(EventLoop::create());
    const auto client = MSB_TRY(session.connect_agent(*loop, name));
    std::optional<Clock::duration> took;
    const auto begun = Clock::now();
    const auto id = client->open_id([&](const wire::Frame&, const wire::Envelope& envelope) {
        if (envelope.type == Answer::type)
            took = Clock::now() - begun;
        loop->stop();
    });
    std::optional<Error> lost;
    client->on_closed([&](const Error& error) {
        lost = error;
        loop->stop();
    });
    client->send(id, request);
    loop->after(std::chrono::seconds(10), [&] { loop->stop(); });
    const auto guard = MSB_TRY(session.stop_at_signal(*loop));
    MSB_TRY(loop->run());
    if (!took && session.interrupted())
        return fail(ErrorKind::cancelled, "cancelled");
    if (!took && lost)
        return fail(std::move(*lost).wrap("sandbox '" + name + "'"));
    if (!took)
        return fail(ErrorKind::timed_out, "the agent of sandbox '" + name + "' does not answer");
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(*took).count();
    return us < 1000 ? fmt::format("({}us)", us) : fmt::format("({}ms)", us / 1000);
}

Result<std::string> touch_one(Session& session, const std::string& name, const BulkOptions&) {
    MSB_TRY(ask_agent<wire::Touched>(session, name, wire::Touch{}, "touch"));
    return std::string();
}

Result<std::string> ping_one(Session& session, const std::string& name,
                             const BulkOptions& options) {
    auto took = MSB_TRY(ask_agent<wire::Pong>(session, name, wire::Ping{}, "ping"));
    if (options.touch)
        MSB_TRY(touch_one(session, name, options));
    return took;
}

Result<std::string> restart_one(Session& session, const std::string& name,
                                const BulkOptions& options) {
    MSB_TRY(stop_one(session, name, options));
    return start_one(session, name, options);
}

Result<std::string> remove_one(Session& session, const std::string& name,
                               const BulkOptions& options) {
    MSB_TRY(session.sandboxes().remove(name, options.force));
    return std::string();
}

void add_kernel(Command& command, BulkOptions& options) {
    command.option("--kernel", &options.kernel,
                   "Guest kernel of this run: auto, a bundle's name, or its path");
}

void add_no_wait(Command& command, BulkOptions& options) {
    command.flag("--no-wait", &options.no_wait,
                 "Return when the request is delivered, not when the sandbox has stopped");
}

void add_stop_options(Command& command, BulkOptions& options) {
    command.flag("-f,--force", &options.force, "Kill at once");
    command
        .option("-t,--timeout", &options.timeout_seconds,
                "Seconds between the stop signal and the kill")
        .shows_default();
}

} // namespace

void add_lifecycle(Command& parent, Context& context) {
    add_bulk(parent, context, "start", "Start stopped sandboxes", "Started", start_one, add_kernel);
    add_bulk(parent, context, "stop", "Stop sandboxes, kindly", "Stopped", stop_one,
             [](Command& command, BulkOptions& options) {
                 add_stop_options(command, options);
                 add_no_wait(command, options);
             });
    add_bulk(parent, context, "kill", "Stop sandboxes at once", "Killed", stop_one,
             [](Command& command, BulkOptions& options) {
                 options.force = true;
                 add_no_wait(command, options);
             });
    add_bulk(parent, context, "drain", "Let commands finish, refuse new ones, then stop", "Drained",
             drain_one, add_no_wait);
    add_bulk(parent, context, "restart", "Stop and start sandboxes", "Restarted", restart_one,
             [](Command& command, BulkOptions& options) {
                 add_stop_options(command, options);
                 add_kernel(command, options);
             });
    add_bulk(parent, context, "remove", "Remove stopped sandboxes and their disks", "Removed",
             remove_one,
             [](Command& command, BulkOptions& options) {
                 command.flag("-f,--force", &options.force, "Also running ones: kill them first");
             })
        .alias("rm");
    add_bulk(parent, context, "ping", "Ask the agents of sandboxes for an answer", "Reachable",
             ping_one, [](Command& command, BulkOptions& options) {
                 command.flag("--touch", &options.touch,
                              "Also count as activity for --idle-timeout");
             });
    add_bulk(parent, context, "touch", "Start the idle time of sandboxes anew", "Touched",
             touch_one);
}

} // namespace msb::cli
