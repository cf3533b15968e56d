#include "cli/session.hpp"

#include "cli/boot_error_block.hpp"
#include "cli/image_progress.hpp"
#include "client/session_control.hpp"

#include <algorithm>
#include <csignal>
#include <thread>

namespace msb::cli {

namespace {

using namespace std::chrono_literals;

/// When to look first whom we wait for, and how often after that.
constexpr auto first_look = 300ms;
constexpr auto look_again = 1s;
/// How long the start of another command is waited for.
constexpr auto longest_start = 60s;
/// Copies do not report their progress.
constexpr auto longest_copy = 5min;

} // namespace

Result<Session> Session::open(Context& context, bool quiet) {
    const Home home = MSB_TRY(context.home());
    const Installation installation = MSB_TRY(context.installation());
    // Signals are blocked from here on, so that every path can clean up behind itself.
    SignalWatch signals =
        MSB_TRY(SignalWatch::create({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH}));
    return Session(Launcher(home, installation), quiet, std::move(signals), context.log_level);
}

bool Session::poll_interrupt() {
    while (const auto number = signals_.poll())
        if (*number != SIGWINCH && !interrupted_)
            interrupted_ = number;
    return interrupted_.has_value();
}

Result<SignalGuard> Session::stop_at_signal(EventLoop& loop) {
    MSB_TRY(signals_.attach(loop, [this, &loop](int number) {
        if (number == SIGWINCH)
            return;
        interrupted_ = interrupted_.value_or(number);
        loop.stop();
    }));
    return SignalGuard(&signals_);
}

Result<image::PullResult> Session::pull(const std::string& reference,
                                        const image::PullOptions& options) {
    ImageProgress progress(progress_, [this] { return poll_interrupt(); });
    auto result = store().pull(reference, options, progress);
    progress_.clear();
    return result;
}

LaunchOptions Session::launch_options() {
    LaunchOptions options;
    options.wait_tick = [this] { return tick(); };
    options.copied = [this](std::uint64_t bytes) { progress_.detail(format_bytes(bytes)); };
    return options;
}

bool Session::tick() {
    progress_.tick();
    return poll_interrupt();
}

Result<NewSandbox> Session::prepare(const CreateRequest& request) {
    if (request.replace)
        progress_.begin("Replacing", request.spec.name);
    const Status room = launcher_.make_room(request, [this] { return tick(); });
    progress_.clear();
    MSB_TRY(Status(room));
    ImageProgress progress(progress_, [this] { return poll_interrupt(); });
    auto prepared = launcher_.prepare(request, progress);
    progress_.clear();
    return prepared;
}

Result<Running> Session::launched(Result<Running> running, const SandboxSpec& spec) {
    progress_.clear();
    for (const std::string& notice : launcher_.take_notices())
        print_warning(notice);
    for (std::size_t i = 0; running && !quiet_ && i < running->published.size(); ++i)
        if (spec.network.published[i].host == 0)
            print_done("Published", running->published[i].to_arrow(), {});
    return running;
}

Result<Running> Session::create(NewSandbox& sandbox, const LaunchOptions& options) {
    progress_.begin("Starting", sandbox.spec.name);
    return launched(launcher_.create(sandbox, options), sandbox.spec);
}

Result<Running> Session::start(SandboxSpec spec, LaunchOptions options) {
    if (spec.kernel == "auto")
        spec.kernel = MSB_TRY(kernel_choice_of_environment());
    if (log_level_ != log::Level::off)
        options.log_level = log::to_string(log_level_);
    progress_.begin("Starting", spec.name);
    return launched(launcher_.start(spec, options), spec);
}

Result<std::optional<Running>> Session::start_if_stopped(const SandboxView& view,
                                                         const LaunchOptions& options) {
    // Another command's start, which may have been killed on its way: then this one is ours.
    auto status = view.state.status;
    const auto deadline = std::chrono::steady_clock::now() + longest_start;
    while (status == SandboxStatus::starting && std::chrono::steady_clock::now() < deadline) {
        if (tick())
            return fail(ErrorKind::cancelled, "cancelled");
        std::this_thread::sleep_for(5ms);
        const auto now = sandboxes().get(view.spec.name);
        status = now ? now->state.status : SandboxStatus::stopped;
    }
    if (is_running(status))
        return std::nullopt;
    auto started = start(view.spec, options);
    if (!started && started.error().kind() == ErrorKind::busy) {
        const auto now = sandboxes().get(view.spec.name);
        if (now && is_running(now->state.status))
            return std::nullopt;
        if (now && now->state.status == SandboxStatus::draining)
            return fail(Error(ErrorKind::busy, "sandbox '" + view.spec.name +
                                                   "' is draining: commands that run may finish, "
                                                   "new ones are refused")
                            .with_hint("try again after `msb wait " + view.spec.name +
                                       "`, or end it now: msb stop " + view.spec.name));
    }
    return std::optional(MSB_TRY(std::move(started)));
}

Status Session::end_temporary(const std::string& name) {
    using Clock = std::chrono::steady_clock;
    progress_.begin("Draining", name);
    auto look = Clock::now() + first_look;
    auto copied_until = Clock::now() + longest_copy;
    const auto enough = [&] {
        if (tick())
            return true;
        if (Clock::now() < look)
            return false;
        const auto commands = running_commands(name);
        look = Clock::now() + look_again;
        if (!commands)
            return true;
        if (commands->empty()) // it powers off, or files are being copied
            return Clock::now() >= copied_until;
        copied_until = Clock::now() + longest_copy;
        return std::ranges::none_of(*commands, &wire::SessionInfo::attached);
    };
    const Status drained = sandboxes().drain(name, enough);
    progress_.clear();
    return drained ? drained : sandboxes().stop(name, default_stop_grace);
}

Result<std::vector<wire::SessionInfo>> Session::running_commands(const std::string& name) {
    const auto loop = MSB_TRY(EventLoop::create());
    ConnectOptions options;
    options.connect_timeout = 1s;
    options.handshake_timeout = 5s;
    options.cancelled = [this] { return poll_interrupt(); };
    const auto client = MSB_TRY(AgentClient::connect(*loop, home().agent_socket(name), options));
    const auto guard = MSB_TRY(stop_at_signal(*loop));
    auto commands = MSB_TRY(list_sessions(*loop, *client));
    std::erase_if(commands, [](const auto& command) { return command.ended_at_ns.has_value(); });
    return commands;
}

Result<std::unique_ptr<AgentClient>>
Session::connect_agent(EventLoop& loop, const std::string& name,
                       std::optional<std::chrono::milliseconds>* limit) {
    using std::chrono::steady_clock;
    ConnectOptions options;
    options.cancelled = [this] { return poll_interrupt(); };
    if (limit == nullptr || !*limit)
        return launcher_.connect_agent(loop, name, options);
    const std::chrono::milliseconds whole = **limit;
    const auto deadline = steady_clock::now() + whole;
    options.handshake_timeout = std::min(options.handshake_timeout, whole);
    auto client = launcher_.connect_agent(loop, name, options);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    if (!client && left <= 0ms && client.error().kind() == ErrorKind::timed_out)
        return fail(Error(client.error()).wrap("exec timed out after " + format_duration(whole)));
    *limit = std::max(left, 1ms);
    return client;
}

void Session::report_failure(Context& context, const Error& error, const SandboxSpec& spec) {
    progress_.clear();
    if (interrupted_) {
        context.exit_code = 128 + *interrupted_;
        return;
    }
    context.exit_code = exit_failure;
    const auto& boot = sandboxes().boot_error();
    if (!boot)
        return print_error(error);
    print_boot_error(*boot, spec.name, !spec.ephemeral); // what is thrown away has no logs any more
}

} // namespace msb::cli
