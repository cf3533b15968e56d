// msb sessions, msb attach, msb signal: commands that run on without the client that started them.
#include "base/signal_name.hpp"
#include "base/time.hpp"
#include "cli/commands.hpp"
#include "cli/foreground.hpp"
#include "cli/parser.hpp"
#include "cli/running_sandbox.hpp"
#include "json/text.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <unistd.h>

namespace msb::cli {

namespace {

// --- msb sessions -------------------------------------------------------------------------------

struct ListOptions {
    std::string name;
    std::string format;
    bool quiet = false;
};

Status list(Session& session, const ListOptions& options) {
    const auto connection = MSB_TRY(connect_running(session, options.name));
    const auto sessions = MSB_TRY(list_sessions(*connection.loop, *connection.client));
    if (options.format == "json") {
        json::Value rows = json::array();
        for (const wire::SessionInfo& info : sessions)
            rows.push_back(to_json(info));
        (void)print(json::to_text(rows, 2) + "\n");
        return {};
    }
    if (options.quiet) {
        for (const wire::SessionInfo& info : sessions)
            (void)print(fmt::format("{}\n", info.session));
        return {};
    }
    if (sessions.empty())
        return print_stderr("No sessions found.\n"), Status();
    Table table({"ID", "PID", "TTY", "STATE", "STARTED", "EXIT", "COMMAND"});
    for (const wire::SessionInfo& info : sessions) {
        const auto exit = exit_of(info);
        table.add({fmt::format("{}", info.session), fmt::format("{}", info.pid),
                   info.tty ? "yes" : "no", std::string(state_of(info)),
                   format_local(info.started_at_ns), exit ? fmt::format("{}", *exit) : "-",
                   command_line(info)});
    }
    (void)print(table.render());
    return {};
}

// --- msb attach ---------------------------------------------------------------------------------

struct AttachOptions {
    std::string name;
    std::optional<std::string> session; ///< none: the only one
    std::string replay = "missed";
    std::string detach_keys = default_detach_keys;
    bool steal = false;
    bool no_stdin = false;
};

/// The one that was named, or the only one that there is to attach to.
Result<wire::SessionInfo> choose(const std::vector<wire::SessionInfo>& sessions,
                                 const AttachOptions& options) {
    if (options.session) {
        const auto id = MSB_TRY(parse_session(*options.session, options.name));
        const auto found = std::ranges::find(sessions, id, &wire::SessionInfo::session);
        if (found != sessions.end())
            return *found;
        return fail(Error(ErrorKind::not_found, fmt::format("session not found: {}", id))
                        .with_hint("see `msb sessions " + options.name + "`"));
    }
    std::vector<wire::SessionInfo> candidates;
    std::ranges::copy_if(sessions, std::back_inserter(candidates),
                         [](const auto& info) { return info.kept && !info.ended_at_ns; });
    if (candidates.size() == 1)
        return candidates.front();
    return fail(Error(ErrorKind::invalid_argument,
                      candidates.empty() ? "sandbox '" + options.name + "' has no detached session"
                                         : fmt::format("sandbox '{}' has {} detached sessions",
                                                       options.name, candidates.size()))
                    .with_hint("`msb sessions " + options.name +
                               "` shows them; name one: msb attach " + options.name + " ID"));
}

Status attach(Context& context, Session& session, const AttachOptions& options) {
    ForegroundOptions foreground;
    foreground.detach_keys = MSB_TRY(parse_detach_keys(options.detach_keys));
    const auto connection = MSB_TRY(connect_running(session, options.name));
    const auto sessions = MSB_TRY(list_sessions(*connection.loop, *connection.client));
    const auto info = MSB_TRY(choose(sessions, options));
    wire::SessionAttach request;
    request.session = info.session;
    request.steal = options.steal;
    request.replay = options.replay == "all"    ? wire::Replay::all
                     : options.replay == "none" ? wire::Replay::none
                                                : wire::Replay::missed;
    foreground.attach = request;
    foreground.request.cmd = info.command.empty() ? "" : info.command.front();
    foreground.request.tty = info.tty;
    foreground.attach_terminal = info.tty && !options.no_stdin && is_terminal(STDIN_FILENO);
    foreground.forward_stdin =
        !options.no_stdin && (foreground.attach_terminal || !is_terminal(STDIN_FILENO));
    const auto result = MSB_TRY(run_foreground(*connection.loop, *connection.client,
                                               session.signals(), std::move(foreground)));
    context.exit_code = result.exit_code;
    if (result.detached)
        report_detached(options.name, result);
    if (result.lost)
        return fail(Error(*result.lost)
                        .wrap("the session ended without exit event")
                        .with_hint(lost_session_hint(options.name)));
    return {};
}

// --- msb signal ---------------------------------------------------------------------------------

struct SignalOptions {
    std::string name;
    std::string session;
    std::string signal = "TERM";
};

Status send_signal(Session& session, const SignalOptions& options) {
    const auto number = parse_signal(options.signal);
    if (!number)
        return fail(ErrorKind::invalid_argument,
                    "invalid signal: " + options.signal +
                        " (expected a name, as TERM or RTMIN+3, or a number)");
    const auto id = MSB_TRY(parse_session(options.session, options.name));
    const auto connection = MSB_TRY(connect_running(session, options.name));
    auto sent = signal_session(*connection.loop, *connection.client, id, *number);
    if (!sent)
        return fail(std::move(sent).error().wrap(
            fmt::format("session {} of sandbox '{}'", id, options.name)));
    return {};
}

// --- what the command line takes ----------------------------------------------------------------

void build_sessions(Command& command, Context& context) {
    auto options = std::make_shared<ListOptions>();
    command.footer("Commands that were detached stay listed for a while after their end.");
    command.option("name", &options->name, "Sandbox").names(ValueOf::sandbox).required();
    command.option("--format", &options->format, "json").one_of({"json"});
    command.flag("-q,--quiet", &options->quiet, "Only the ids");
    command.action([&context, options] {
        run_with_session(context, options->name,
                         [&](Session& session) { return list(session, *options); });
    });
}

void build_attach(Command& command, Context& context) {
    auto options = std::make_shared<AttachOptions>();
    command.footer("Shows what was missed, then what comes. One client can be attached at a time.");
    command.option("name", &options->name, "Sandbox").names(ValueOf::sandbox).required();
    const Option place = command.option("session", &options->session,
                                        "Id, as `msb sessions` shows it (default: the only one)");
    command.option("--job", &options->session, "The same").value_name("ID").excludes(place);
    command.option("--replay", &options->replay, "Output from before: missed|all|none")
        .one_of({"missed", "all", "none"})
        .shows_default();
    command.flag("--steal", &options->steal, "Take it over from a client that is attached");
    command.flag("--no-stdin", &options->no_stdin, "Only watch");
    command
        .option("--detach-keys", &options->detach_keys,
                "Keys that leave the command running, e.g. ctrl-p,ctrl-q, or none")
        .shows_default();
    command.action([&context, options] {
        run_with_session(context, options->name,
                         [&](Session& session) { return attach(context, session, *options); });
    });
}

void build_signal(Command& command, Context& context) {
    auto options = std::make_shared<SignalOptions>();
    command.option("name", &options->name, "Sandbox").names(ValueOf::sandbox).required();
    const Option place =
        command.option("session", &options->session, "Id, as `msb sessions` shows it");
    const Option job =
        command.option("--job", &options->session, "The same").value_name("ID").excludes(place);
    command.require_any({place, job}, "a session");
    command.option("-s,--signal", &options->signal, "Name or number").shows_default();
    command.action([&context, options] {
        run_with_session(context, options->name,
                         [&](Session& session) { return send_signal(session, *options); });
    });
}

} // namespace

void report_detached(const std::string& name, const ForegroundResult& result) {
    print_stderr(result.stolen ? fmt::format("another client took over session {} of {}\n",
                                             *result.detached, name)
                               : fmt::format("detached; session {} goes on: msb attach {} {}\n",
                                             *result.detached, name, *result.detached));
}

void add_sessions(Command& parent, Context& context) {
    parent.add("sessions", "List the commands that run in a sandbox", group_sandboxes,
               [&context](Command& command) { build_sessions(command, context); });
    parent.add("attach", "Attach to a detached command of a sandbox", group_sandboxes,
               [&context](Command& command) { build_attach(command, context); });
    parent.add("signal", "Send a signal to a command of a sandbox", group_sandboxes,
               [&context](Command& command) { build_signal(command, context); });
}

} // namespace msb::cli
