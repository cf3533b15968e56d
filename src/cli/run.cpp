// msb run, msb create
#include "api/exec_request.hpp"
#include "base/time.hpp"
#include "cli/commands.hpp"
#include "cli/foreground.hpp"
#include "cli/parser.hpp"
#include "cli/session.hpp"

#include <cstdlib>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>
#include <unistd.h>

namespace msb::cli {

namespace {

using namespace std::chrono_literals;

const std::int64_t process_started_ns = monotonic_ns();
/// How long others may make and remove a sandbox of the same name before we give up on it.
constexpr auto settling_time = 10s;

struct RunOptions : CreationOptions {
    bool detach = false;
    bool tty = false;
    bool no_tty = false;
    bool timings = false;
    std::vector<std::string> creation_given; ///< names of what an existing sandbox does not take
    std::string timeout;
    std::string detach_keys = default_detach_keys;
};

/// What ran when, for --timings; CLOCK_MONOTONIC.
struct Timeline {
    std::int64_t launch_ns = 0;
    std::vector<StageTime> stages;
    std::int64_t ready_ns = 0;
    std::int64_t exec_started_ns = 0;
    std::int64_t exec_ended_ns = 0;
    std::int64_t end_ns = 0;

    void print() const;
};

void Timeline::print() const {
    std::string text;
    std::int64_t previous = process_started_ns;
    const auto line = [&](std::string_view stage, std::int64_t until) {
        if (until == 0)
            return;
        text +=
            fmt::format("{:<10} {:8.2f} ms\n", stage, static_cast<double>(until - previous) / 1e6);
        previous = until;
    };
    line("host", launch_ns);
    for (const StageTime& stage : stages)
        line(stage.stage, stage.time_ns);
    line("ready", ready_ns);
    line("exec", exec_started_ns);
    line("command", exec_ended_ns);
    line("teardown", end_ns);
    previous = process_started_ns;
    line("total", end_ns);
    print_stderr(text);
}

/// The command of a detached sandbox.
StartupCommand startup_command(const wire::ExecRequest& command) {
    StartupCommand startup;
    startup.argv = command.args;
    startup.argv.insert(startup.argv.begin(), command.cmd);
    startup.env = command.env;
    startup.cwd = command.cwd.value_or("");
    startup.user = command.user.value_or("");
    startup.tty = command.tty;
    return startup;
}

class Run {
  public:
    Run(Context& context, const RunOptions& options, Session& session)
        : context_(context), options_(options), session_(session) {}

    Status execute();
    const SandboxSpec& spec() const { return request_.spec; }

  private:
    Status check_options();
    Result<bool> reuse_existing();
    Status run_new();
    Status run_in(const SandboxSpec& spec);
    Status finish(const SandboxSpec& spec);
    Result<wire::ExecRequest> command_of(const SandboxSpec& spec) const;

    Context& context_;
    const RunOptions& options_;
    Session& session_;
    CreateRequest request_;
    bool interactive_ = false;
    std::optional<std::chrono::milliseconds> timeout_;
    Bytes detach_keys_;
    std::optional<std::uint64_t> left_session_; ///< goes on without us
    std::optional<Running> running_;            ///< what we started and so have to stop
    bool name_taken_ = false;                   ///< while we made a sandbox of this name
    bool agent_answers_ = true;
    Timeline timeline_;
};

Status Run::check_options() {
    request_ = MSB_TRY(make_request(options_, context_));
    if (!options_.timeout.empty())
        timeout_ = std::chrono::milliseconds(MSB_TRY(parse_duration_ms(options_.timeout)));
    detach_keys_ = MSB_TRY(parse_detach_keys(options_.detach_keys));
    interactive_ = !options_.no_tty && is_terminal(STDIN_FILENO) &&
                   (is_terminal(STDOUT_FILENO) || options_.tty);
    return {};
}

/// A given command replaces only the CMD; without any command a terminal gets a shell.
Result<wire::ExecRequest> Run::command_of(const SandboxSpec& spec) const {
    std::vector<std::string> argv = spec.entrypoint;
    const auto& words = context_.command ? *context_.command : spec.cmd;
    argv.insert(argv.end(), words.begin(), words.end());
    if (argv.empty() && interactive_)
        argv.push_back(spec.shell);
    CommandOptions options;
    options.tty = options_.tty || (interactive_ && !options_.detach);
    options.term = terminal_type();
    if (argv.empty()) // "--" without a word is no command
        return wire::ExecRequest();
    return exec_request(spec, std::move(argv), options);
}

/// A named sandbox that exists is used as it is. True if the run is done.
Result<bool> Run::reuse_existing() {
    auto existing = session_.sandboxes().get(options_.name);
    if (!existing) {
        if (existing.error().kind() == ErrorKind::not_found)
            return false;
        return fail(existing.error());
    }
    if (existing->state.never_ran)
        return false;
    if (!options_.creation_given.empty())
        print_warning(fmt::format(
            "sandbox '{}' exists: it is used as it is, creation options are ignored: {}",
            options_.name, fmt::join(options_.creation_given, ", ")));
    if (options_.detach && context_.command)
        print_warning("the command is ignored: sandbox '" + options_.name + "' exists");
    const SandboxSpec& spec = existing->spec;
    LaunchOptions launch = session_.launch_options();
    launch.attached = !options_.detach;
    launch.detachable = interactive_ && !detach_keys_.empty();
    timeline_.launch_ns = monotonic_ns();
    running_ = MSB_TRY(session_.start_if_stopped(*existing, launch));
    timeline_.ready_ns = monotonic_ns();
    if (options_.detach)
        return print(options_.name + "\n"), true;
    Status ran = run_in(spec);
    const Status finished = running_ ? finish(spec) : Status();
    MSB_TRY(std::move(ran));
    MSB_TRY(Status(finished));
    return true;
}

Status Run::execute() {
    const auto deadline = std::chrono::steady_clock::now() + settling_time;
    for (;;) {
        MSB_TRY(check_options());
        if (!options_.name.empty() && !request_.replace && MSB_TRY(reuse_existing()))
            return {};
        name_taken_ = false;
        Status done = run_new();
        // Another command has made it meanwhile: use it as an existing one.
        if (!name_taken_ || request_.replace || std::chrono::steady_clock::now() >= deadline)
            return done;
    }
}

Status Run::run_new() {
    auto prepared = session_.prepare(request_);
    name_taken_ = !prepared && prepared.error().kind() == ErrorKind::already_exists;
    NewSandbox sandbox = MSB_TRY(std::move(prepared));
    const SandboxSpec& spec = sandbox.spec;
    const auto command = MSB_TRY(command_of(spec));
    if (command.cmd.empty() && !options_.detach) {
        print_warning("no command provided and stdin is not a terminal");
        return {};
    }
    LaunchOptions launch = session_.launch_options();
    launch.attached = !options_.detach;
    launch.detachable = interactive_ && !detach_keys_.empty();
    if (options_.detach && !command.cmd.empty())
        launch.startup = startup_command(command);
    timeline_.launch_ns = monotonic_ns();
    auto created = session_.create(sandbox, launch);
    name_taken_ = !created && created.error().kind() == ErrorKind::already_exists;
    running_ = MSB_TRY(std::move(created));
    timeline_.ready_ns = monotonic_ns();
    timeline_.stages = running_->stages;
    if (options_.detach)
        return print(spec.name + "\n"), Status();
    Status ran = run_in(spec);
    const Status finished = finish(spec);
    timeline_.end_ns = monotonic_ns();
    if (options_.timings)
        timeline_.print();
    MSB_TRY(std::move(ran));
    return finished;
}

Status Run::run_in(const SandboxSpec& spec) {
    ForegroundOptions foreground;
    foreground.request = MSB_TRY(command_of(spec));
    if (foreground.request.cmd.empty()) {
        print_warning("no command provided and stdin is not a terminal");
        return {};
    }
    const auto loop = MSB_TRY(EventLoop::create());
    foreground.timeout = timeout_;
    const auto client = MSB_TRY(session_.connect_agent(*loop, spec.name, &foreground.timeout));
    foreground.detach_keys = detach_keys_;
    foreground.attach_terminal = interactive_;
    foreground.forward_stdin = interactive_ || !is_terminal(STDIN_FILENO);
    const auto result =
        MSB_TRY(run_foreground(*loop, *client, session_.signals(), std::move(foreground)));
    timeline_.exec_started_ns = result.started_ns;
    timeline_.exec_ended_ns = result.ended_ns;
    context_.exit_code = result.exit_code;
    agent_answers_ = !result.gave_up;
    if (result.detached) {
        left_session_ = result.detached;
        report_detached(spec.name, result);
    }
    if (result.lost)
        return fail(
            Error(*result.lost).wrap("sandbox '" + spec.name + "' ended before the command"));
    return {};
}

/// Stops what this command started, unless the user has left it running.
Status Run::finish(const SandboxSpec& spec) {
    if (left_session_)
        return running_->leave(*left_session_);
    if (spec.can_be_cut_off())
        return session_.sandboxes().discard(*running_);
    if (!agent_answers_)
        return session_.sandboxes().stop(spec.name, unresponsive_grace);
    return session_.end_temporary(spec.name);
}

/// The given options that shape a sandbox, which `create` has too.
std::vector<std::string> given_for_creation(const std::vector<Option>& options) {
    std::vector<std::string> names;
    for (const Option& option : options)
        if (const std::string name = option.name();
            option.given() && name != "--name" && name != "--quiet")
            names.push_back(name);
    return names;
}

Status create(Context& context, const CreationOptions& options) {
    Session session = MSB_TRY(Session::open(context, options.quiet));
    const auto begun = std::chrono::steady_clock::now();
    CreateRequest request = MSB_TRY(make_request(options, context));
    request.spec.ephemeral = false;
    auto sandbox = session.prepare(request);
    if (!sandbox)
        return session.report_failure(context, sandbox.error(), request.spec), Status();
    const SandboxSpec& spec = sandbox->spec;
    const auto running = session.create(*sandbox, session.launch_options());
    if (!running)
        return session.report_failure(context, running.error(), spec), Status();
    if (options.name.empty())
        (void)print(spec.name + "\n");
    if (!options.quiet)
        print_done("Created", spec.name, std::chrono::steady_clock::now() - begun);
    return {};
}

Status run(Context& context, const RunOptions& options) {
    Session session = MSB_TRY(Session::open(context, options.quiet));
    Run run(context, options, session);
    if (const Status done = run.execute(); !done)
        session.report_failure(context, done.error(), run.spec());
    return {};
}

void build_run(Command& command, Context& context) {
    auto options = std::make_shared<RunOptions>();
    command.take_command_line(&context.command);
    command.footer("The command follows `--`: msb run alpine -- ls -l /");
    add_creation_options(command, *options);
    const std::vector<Option> creation = command.options();
    const Option detach =
        command.flag("-d,--detach", &options->detach, "Leave it running; print its name");
    command
        .option("--detach-keys", &options->detach_keys,
                "Keys that leave the command running, e.g. ctrl-p,ctrl-q, or none")
        .shows_default();
    const Option tty = command.flag("-t,--tty", &options->tty, "Give the command a terminal");
    command.flag("--no-tty", &options->no_tty, "Never a terminal").excludes(tty);
    command.option("--timeout", &options->timeout, "Kill the command after this long, e.g. 30s")
        .excludes(detach);
    command.flag("--timings", &options->timings, "Show on stderr where the time went");
    command.action([&context, options, creation] {
        options->creation_given = given_for_creation(creation);
        run_command(context, [&] { return run(context, *options); });
    });
}

} // namespace

void add_run(Command& parent, Context& context) {
    parent.add("run", "Run a command in a sandbox: new and thrown away, or named and kept",
               group_sandboxes, [&context](Command& command) { build_run(command, context); });
}

void add_create(Command& parent, Context& context) {
    parent.add("create", "Create a sandbox and leave it running, idle", group_sandboxes,
               [&context](Command& command) {
                   auto options = std::make_shared<CreationOptions>();
                   command.take_command_line(&context.command);
                   add_creation_options(command, *options);
                   command.action([&context, options] {
                       run_command(context, [&] { return create(context, *options); });
                   });
               });
}

} // namespace msb::cli
