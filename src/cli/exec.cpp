// msb exec
#include "api/exec_request.hpp"
#include "cli/commands.hpp"
#include "cli/foreground.hpp"
#include "cli/parser.hpp"
#include "cli/session.hpp"
#include "client/session_control.hpp"
#include "wire/exit_code.hpp"

#include <memory>
#include <unistd.h>

namespace msb::cli {

namespace {

struct ExecOptions {
    std::string name;
    std::vector<std::string> env;
    std::vector<std::string> rlimits;
    std::string workdir;
    std::string user;
    std::string timeout;
    std::string detach_keys = default_detach_keys;
    bool detach = false;
    bool tty = false;
    bool no_tty = false;
    bool stream = false;
    bool quiet = false;
};

/// Our terminal is the command's.
bool is_interactive(const ExecOptions& options) {
    return !options.detach && !options.no_tty && !options.stream && is_terminal(STDIN_FILENO) &&
           (is_terminal(STDOUT_FILENO) || options.tty);
}

Result<CommandOptions> command_options(const ExecOptions& options, bool interactive) {
    CommandOptions command;
    command.env = MSB_TRY(read_environment(options.env));
    for (const std::string& text : options.rlimits) {
        const Rlimit limit = MSB_TRY(parse_rlimit(text));
        command.rlimits.push_back({limit.resource, limit.soft, limit.hard});
    }
    if (!options.workdir.empty())
        command.cwd = options.workdir;
    if (!options.user.empty())
        command.user = options.user;
    command.tty = interactive || options.tty;
    command.term = terminal_type();
    return command;
}

/// `request.cmd` is empty if there is nothing to run.
Result<ForegroundOptions> make_foreground(const Context& context, const ExecOptions& options,
                                          const SandboxSpec& spec) {
    ForegroundOptions foreground;
    foreground.detach_keys = MSB_TRY(parse_detach_keys(options.detach_keys));
    if (options.stream && is_terminal(STDIN_FILENO))
        return fail(ErrorKind::invalid_argument,
                    "--stream is for a stdin that is not a terminal: a pipe or a file");
    const bool interactive = is_interactive(options);
    // A given command is the whole command. Without one it is the sandbox's own, or at a terminal
    // the sandbox's shell.
    std::vector<std::string> argv = context.command.value_or(std::vector<std::string>());
    if (argv.empty() && interactive)
        argv = {spec.shell};
    const auto command = MSB_TRY(command_options(options, interactive));
    foreground.request = MSB_TRY(exec_request(spec, std::move(argv), command));
    if (!options.timeout.empty())
        foreground.timeout = std::chrono::milliseconds(MSB_TRY(parse_duration_ms(options.timeout)));
    foreground.attach_terminal = interactive;
    foreground.forward_stdin = interactive || !is_terminal(STDIN_FILENO);
    return foreground;
}

/// Starts the command, prints its session's number and returns.
Status exec_detached(Context& context, Session& session, const std::string& name,
                     const wire::ExecRequest& request) {
    const auto loop = MSB_TRY(EventLoop::create());
    const auto client = MSB_TRY(session.connect_agent(*loop, name));
    const auto guard = MSB_TRY(session.stop_at_signal(*loop));
    const auto outcome = MSB_TRY(start_detached(*loop, *client, request));
    if (const auto* failed = std::get_if<wire::ExecFailed>(&outcome)) {
        show_exec_failure(request.cmd, *failed);
        context.exit_code = wire::exit_code_of(*failed);
        return {};
    }
    (void)print(std::to_string(std::get<std::uint64_t>(outcome)) + "\n");
    return {};
}

Status exec(Context& context, const ExecOptions& options) {
    Session session = MSB_TRY(Session::open(context, options.quiet));
    const auto view = MSB_TRY(session.sandboxes().get(options.name));
    auto foreground = MSB_TRY(make_foreground(context, options, view.spec));
    if (foreground.request.cmd.empty()) {
        print_warning("no command provided and stdin is not a terminal");
        return {};
    }
    if (options.detach && !is_running(view.state.status))
        return fail(
            Error(ErrorKind::unreachable, "sandbox '" + options.name + "' is not running")
                .with_hint("a detached command needs one that goes on: msb start " + options.name));
    if (options.detach) {
        if (const Status left = exec_detached(context, session, options.name, foreground.request);
            !left)
            session.report_failure(context, left.error(), view.spec);
        return {};
    }
    LaunchOptions launch = session.launch_options();
    launch.attached = true;
    const auto started = session.start_if_stopped(view, launch);
    if (!started)
        return session.report_failure(context, started.error(), view.spec), Status();
    const bool temporary = started->has_value();
    if (temporary)
        foreground.detach_keys.clear(); // it stops with us
    bool agent_answers = true;
    const Status ran = [&]() -> Status {
        const auto loop = MSB_TRY(EventLoop::create());
        const auto client =
            MSB_TRY(session.connect_agent(*loop, options.name, &foreground.timeout));
        const auto result =
            MSB_TRY(run_foreground(*loop, *client, session.signals(), std::move(foreground)));
        context.exit_code = result.exit_code;
        agent_answers = !result.gave_up;
        if (result.detached)
            report_detached(options.name, result);
        if (result.lost)
            return fail(Error(*result.lost)
                            .wrap("exec session ended without exit event")
                            .with_hint(lost_session_hint(options.name)));
        return {};
    }();
    if (temporary)
        MSB_TRY(agent_answers ? session.end_temporary(options.name)
                              : session.sandboxes().stop(options.name, unresponsive_grace));
    if (!ran)
        session.report_failure(context, ran.error(), view.spec);
    return {};
}

} // namespace

void add_exec(Command& parent, Context& context) {
    parent.add(
        "exec", "Run a command in an existing sandbox", group_sandboxes,
        [&context](Command& command) {
            auto options = std::make_shared<ExecOptions>();
            command.take_command_line(&context.command);
            command.footer(
                "The command follows `--`: msb exec web -- ps\nWithout one it is the sandbox's "
                "own (ENTRYPOINT and CMD), or its shell at a terminal.\nA stopped sandbox is "
                "started for the command and stopped again.");
            command.option("name", &options->name, "Sandbox").names(ValueOf::sandbox).required();
            command.option("-e,--env", &options->env,
                           "KEY=value, or KEY to copy ours (repeatable)");
            command.option("-w,--workdir", &options->workdir, "Working directory in the guest");
            command.option("-u,--user", &options->user, "name|uid[:group|gid]");
            const Option detach =
                command.flag("-d,--detach", &options->detach,
                             "Leave it running; print its session id (see `msb attach`)");
            command
                .option("--detach-keys", &options->detach_keys,
                        "Keys that leave the command running, e.g. ctrl-p,ctrl-q, or none")
                .shows_default();
            const Option tty =
                command.flag("-t,--tty", &options->tty, "Give the command a terminal");
            command.flag("--no-tty", &options->no_tty, "Never a terminal").excludes(tty);
            command.flag("--stream", &options->stream, "Plain pipes (always streamed)")
                .excludes(tty);
            command
                .option("--timeout", &options->timeout,
                        "Kill the command after this long, e.g. 30s")
                .excludes(detach);
            command.option("--rlimit", &options->rlimits,
                           "RESOURCE=LIMIT or SOFT:HARD (repeatable)");
            command.flag("-q,--quiet", &options->quiet, "No progress");
            command.action([&context, options] {
                run_command(context, [&] { return exec(context, *options); });
            });
        });
}

} // namespace msb::cli
