// msb sessions, msb attach, msb signal: commands that run on without the client that started them.
#include "base/signal_name.hpp"
#include "base/time.hpp"
#include "cli/commands.hpp"
#include "cli/foreground.hpp"
#include "cli/parser.hpp"
#include "cli/session.hpp"
#include "client/session_control.hpp"
#include "json/text.hpp"
#include "wire/exit_code.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <memory>
#include <unistd.h>

namespace msb::cli {

namespace {

/// A running sandbox's agent.
struct Connection {
    std::unique_ptr<EventLoop> loop;
    std::unique_ptr<AgentClient> client;
    SignalGuard guard; ///< a signal ends the waiting for an answer
};

Result<Connection> connect(Session& session, const std::string& name) {
    const auto view = MSB_TRY(session.sandboxes().get(name));
    if (!is_active(view.state.status))
        return fail(
            Error(ErrorKind::unreachable, "sandbox '" + name + "' is not running (status: " +
                                              std::string(to_string(view.state.status)) + ")")
                .with_hint("sessions end with their sandbox; what they wrote is in "
                           "`msb logs " +
                           name + "`"));
    Connection connection;
    connection.loop = MSB_TRY(EventLoop::create());
    connection.client = MSB_TRY(session.connect_agent(*connection.loop, name));
    connection.guard = MSB_TRY(session.stop_at_signal(*connection.loop));
    return connection;
}

/// Runs the body of a command of this file. A signal that ended its waiting is an exit code, not an
/// error.
template <typename Body>
void run_with_session(Context& context, const std::string& name, Body body) {
    run_command(context, [&]() -> Status {
        Session session = MSB_TRY(Session::open(context, true));
        SandboxSpec named;
        named.name = name;
        if (const Status done = body(session); !done)
            session.report_failure(context, done.error(), named);
        return {};
    });
}

std::string command_line(const wire::SessionInfo& info) {
    std::string text;
    for (const std::string& word : info.command)
        text += (text.empty() ? "" : " ") + word;
    return text;
}

std::string_view state_of(const wire::SessionInfo& info) {
    if (info.ended_at_ns)
        return "exited";
    return info.attached ? "attached" : "detached";
}

std::optional<int> exit_of(const wire::SessionInfo& info) {
    if (!info.code)
        return std::nullopt;
    return wire::exit_code_of(wire::ExecExited{*info.code, info.signal});
}

// --- msb sessions -------------------------------------------------------------------------------

struct ListOptions {
    std::string name;
    std::string format;
    bool quiet = false;
};

json::Value to_json(const wire::SessionInfo& info) {
    const auto time = [](std::int64_t ns) { return json::Value(format_rfc3339(ns, 9, "+00:00")); };
    const auto exit = exit_of(info);
    return {{"id", info.session},
            {"pid", info.pid},
            {"command", info.command},
            {"tty", info.tty},
            {"state", state_of(info)},
            {"kept", info.kept},
            {"started_at", time(info.started_at_ns)},
            {"ended_at", info.ended_at_ns ? time(*info.ended_at_ns) : json::Value()},
            {"exit_code", exit},
            {"signal", info.signal},
            {"kept_bytes", info.kept_bytes},
            {"lost_bytes", info.lost_bytes}};
}

Status list(Session& session, const ListOptions& options) {
    const auto connection = MSB_TRY(connect(session, options.name));
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
    constexpr std::size_t shown_command = 60;
    Table table({"ID", "PID", "TTY", "STATE", "STARTED", "EXIT", "COMMAND"});
    for (const wire::SessionInfo& info : sessions) {
        const auto exit = exit_of(info);
        std::string command = command_line(info);
        if (command.size() > shown_command)
            command = command.substr(0, shown_command - 3) + "...";
        table.add({fmt::format("{}", info.session), fmt::format("{}", info.pid),
                   info.tty ? "yes" : "no", std::string(state_of(info)),
                   format_local(info.started_at_ns), exit ? fmt::format("{}", *exit) : "-",
                   std::move(command)});
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

/// The parser's own numbers silently stop at the largest one.
Result<std::uint64_t> parse_session(const std::string& text, const std::string& sandbox) {
    std::uint64_t id = 0;
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, id);
    if (error == std::errc() && end == last && id > 0)
        return id;
    return fail(Error(ErrorKind::invalid_argument, "invalid session id: " + text)
                    .with_hint("see `msb sessions " + sandbox + "`"));
}

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
    const auto connection = MSB_TRY(connect(session, options.name));
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
    const auto connection = MSB_TRY(connect(session, options.name));
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
    command.option("session", &options->session,
                   "Id, as `msb sessions` shows it (default: the only one)");
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
    command.option("session", &options->session, "Id, as `msb sessions` shows it").required();
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
