// msb start, stop, restart, kill, drain, rm, ping, touch: commands on many sandboxes, one after the
// other.
#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "client/agent_client.hpp"

#include <CLI/CLI.hpp>
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
    std::uint64_t timeout_seconds = 10;
};

using Operation = std::function<Result<std::string>(Session&, const std::string& name)>;

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

/// `verb`: what a tick says; the operation's text, if any, follows the name.
Status for_each_target(Context& context, const BulkOptions& options, std::string_view verb,
                       const Operation& operation) {
    Session session = MSB_TRY(Session::open(context, options.quiet));
    for (const std::string& name : MSB_TRY(targets(session, options))) {
        const auto begun = std::chrono::steady_clock::now();
        const auto done = operation(session, name);
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

CLI::App* add_bulk(CLI::App& app, Context& context, const std::string& name,
                   const std::string& help, std::string_view verb,
                   const std::shared_ptr<BulkOptions>& options, Operation operation) {
    auto* command = app.add_subcommand(name, help);
    command->group(group_sandboxes);
    auto* names = command->add_option("names", options->names, "Sandboxes");
    auto* labels = command->add_option("--label", options->labels,
                                       "KEY=VALUE: all sandboxes that have it (repeatable)");
    labels->allow_extra_args(false);
    command->add_flag("-q,--quiet", options->quiet, "No ticks");
    command->callback([&context, options, names, labels, verb, operation = std::move(operation)] {
        if (names->count() == 0 && labels->count() == 0)
            throw CLI::RequiredError("NAMES or --label");
        run_command(context, [&] { return for_each_target(context, *options, verb, operation); });
    });
    return command;
}

Result<std::string> start_one(Session& session, const std::string& name) {
    const auto view = MSB_TRY(session.sandboxes().get(name));
    if (is_running(view.state.status))
        return fail(ErrorKind::busy,
                    "sandbox still running: cannot start sandbox '" + name + "': already running");
    MSB_TRY(session.start(view.spec, session.launch_options()));
    return std::string();
}

Result<std::string> stop_one(Session& session, const std::string& name,
                             const BulkOptions& options) {
    // Longer than an hour is as good as an hour, and cannot overflow.
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
    client->on_closed([&](const Error&) { loop->stop(); });
    client->send(id, request);
    loop->after(std::chrono::seconds(10), [&] { loop->stop(); });
    MSB_TRY(loop->run());
    if (!took)
        return fail(ErrorKind::timed_out, "the agent of sandbox '" + name + "' does not answer");
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(*took).count();
    return us < 1000 ? fmt::format("({}us)", us) : fmt::format("({}ms)", us / 1000);
}

Result<std::string> touch_one(Session& session, const std::string& name) {
    MSB_TRY(ask_agent<wire::Touched>(session, name, wire::Touch{}, "touch"));
    return std::string();
}

Result<std::string> ping_one(Session& session, const std::string& name,
                             const BulkOptions& options) {
    auto took = MSB_TRY(ask_agent<wire::Pong>(session, name, wire::Ping{}, "ping"));
    if (options.touch)
        MSB_TRY(touch_one(session, name));
    return took;
}

void add_no_wait(CLI::App* command, const std::shared_ptr<BulkOptions>& options) {
    command->add_flag("--no-wait", options->no_wait,
                      "Return when the request is delivered, not when the sandbox has stopped");
}

void add_stop_options(CLI::App* command, const std::shared_ptr<BulkOptions>& options) {
    command->add_flag("-f,--force", options->force, "Kill at once");
    command
        ->add_option("-t,--timeout", options->timeout_seconds,
                     "Seconds between the stop signal and the kill")
        ->capture_default_str();
}

} // namespace

void add_lifecycle(CLI::App& app, Context& context) {
    add_bulk(app, context, "start", "Start stopped sandboxes", "Started",
             std::make_shared<BulkOptions>(), start_one);

    auto stop = std::make_shared<BulkOptions>();
    auto* stop_command = add_bulk(app, context, "stop", "Stop sandboxes, kindly", "Stopped", stop,
                                  [stop](Session& session, const std::string& name) {
                                      return stop_one(session, name, *stop);
                                  });
    add_stop_options(stop_command, stop);
    add_no_wait(stop_command, stop);

    auto kill = std::make_shared<BulkOptions>();
    kill->force = true;
    add_no_wait(add_bulk(app, context, "kill", "Stop sandboxes at once", "Killed", kill,
                         [kill](Session& session, const std::string& name) {
                             return stop_one(session, name, *kill);
                         }),
                kill);

    auto drain = std::make_shared<BulkOptions>();
    add_no_wait(add_bulk(app, context, "drain", "Let commands finish, refuse new ones, then stop",
                         "Drained", drain,
                         [drain](Session& session, const std::string& name) {
                             return drain_one(session, name, *drain);
                         }),
                drain);

    auto restart = std::make_shared<BulkOptions>();
    add_stop_options(
        add_bulk(app, context, "restart", "Stop and start sandboxes", "Restarted", restart,
                 [restart](Session& session, const std::string& name) -> Result<std::string> {
                     MSB_TRY(stop_one(session, name, *restart));
                     return start_one(session, name);
                 }),
        restart);

    auto remove = std::make_shared<BulkOptions>();
    add_bulk(app, context, "remove", "Remove stopped sandboxes and their disks", "Removed", remove,
             [remove](Session& session, const std::string& name) -> Result<std::string> {
                 MSB_TRY(session.sandboxes().remove(name, remove->force));
                 return std::string();
             })
        ->alias("rm")
        ->add_flag("-f,--force", remove->force, "Also running ones: kill them first");

    auto ping = std::make_shared<BulkOptions>();
    add_bulk(app, context, "ping", "Ask the agents of sandboxes for an answer", "Reachable", ping,
             [ping](Session& session, const std::string& name) {
                 return ping_one(session, name, *ping);
             })
        ->add_flag("--touch", ping->touch, "Also count as activity for --idle-timeout");
    add_bulk(app, context, "touch", "Start the idle time of sandboxes anew", "Touched",
             std::make_shared<BulkOptions>(), touch_one);
}

} // namespace msb::cli
