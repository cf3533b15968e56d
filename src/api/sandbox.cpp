#include "api/sandbox.hpp"

#include "api/diff.hpp"
#include "api/open_launcher.hpp"
#include "api/runtimes.hpp"
#include "api/snapshots.hpp"
#include "api/volumes.hpp"
#include "sandbox/policies.hpp"

#include <algorithm>

namespace msb::api {

namespace {

using namespace std::chrono_literals;

LaunchOptions launch_options(bool detached, Cancel* cancel) {
    LaunchOptions options;
    options.attached = !detached;
    // The runtime must not die with the thread that started it: the pipe tells it of our end.
    options.detachable = true;
    options.wait_tick = tick_of(cancel);
    return options;
}

bool is_alive(Child& runtime) {
    const auto status = runtime.wait(0ms);
    return status && !*status;
}

Failure launch_failure(Launcher& launcher, Error error, const std::string& name) {
    Failure failure = sandbox_failure(std::move(error), name);
    if (launcher.sandboxes().patch_failed() && failure.kind != FailureKind::cancelled &&
        failure.kind != FailureKind::no_space)
        failure.kind = FailureKind::patch_failed;
    failure.boot = launcher.sandboxes().boot_error();
    if (failure.boot && failure.kind != FailureKind::cancelled)
        failure.kind = FailureKind::boot_start;
    return failure;
}

/// Of a sandbox that is to begin with a snapshot. If that can be opened, what was not found is its
/// image.
Failure fork_failure(Launcher& launcher, Error error, const std::string& snapshot) {
    const ErrorKind kind = error.kind();
    if (auto opened = launcher.snapshots().open(snapshot); !opened)
        return snapshot_failure(std::move(opened).error(), snapshot);
    Failure failure = snapshot_failure(std::move(error), snapshot);
    if (kind == ErrorKind::not_found || kind == ErrorKind::unreachable)
        failure.kind = FailureKind::snapshot_image_missing;
    return failure;
}

} // namespace

Outcome<std::shared_ptr<Sandbox>> Sandbox::create(const CreateOptions& given, Cancel* cancel) {
    sweep_runtimes();
    const std::string& name = given.spec.name;
    MSB_TRY(validate_spec(given.spec));
    Launcher launcher = MSB_TRY(open_launcher());
    CreateOptions options = given;
    auto network = complete_network(launcher.home(), given.spec.network);
    if (!network)
        return fail(Failure{FailureKind::invalid_config, std::move(network).error()});
    options.spec.network = std::move(*network);
    if (Status room = launcher.make_room(options, tick_of(cancel)); !room) {
        Failure failure = sandbox_failure(std::move(room).error(), name);
        if (failure.kind == FailureKind::already_exists)
            failure.error = Error(failure.error).with_hint("remove it, start it, or use replace");
        return fail(std::move(failure));
    }
    PullProgress progress(options.progress, cancel);
    auto prepared = launcher.prepare(options, progress);
    if (!prepared)
        return fail(options.snapshot.empty()
                        ? image_failure(std::move(prepared).error(), options.image)
                        : fork_failure(launcher, std::move(prepared).error(), options.snapshot));
    if (options.image_ready)
        options.image_ready(prepared->image);
    std::string volume;
    if (Status claimed = launcher.claim_volumes(*prepared, &volume); !claimed)
        return fail(volume_failure(std::move(claimed).error(), volume));
    auto running = launcher.create(*prepared, launch_options(options.detached, cancel));
    if (!running)
        return fail(launch_failure(launcher, std::move(running).error(), name));
    std::shared_ptr<Sandbox> sandbox(new Sandbox(std::move(prepared->spec)));
    sandbox->notices_ = launcher.take_notices();
    sandbox->adopt(std::move(*running), !options.detached);
    return sandbox;
}

Outcome<std::shared_ptr<Sandbox>> Sandbox::start(const std::string& name, bool detached,
                                                 Cancel* cancel) {
    sweep_runtimes();
    Launcher launcher = MSB_TRY(open_launcher());
    const SandboxView view = MSB_TRY(about_sandbox(launcher.sandboxes().get(name), name));
    if (is_running(view.state.status))
        return fail(
            Failure(FailureKind::still_running,
                    "sandbox still running: cannot start sandbox '" + name + "': already running")
                .of(name));
    auto running = launcher.start(view.spec, launch_options(detached, cancel));
    if (!running)
        return fail(launch_failure(launcher, std::move(running).error(), name));
    std::shared_ptr<Sandbox> sandbox(new Sandbox(view.spec));
    sandbox->notices_ = launcher.take_notices();
    sandbox->adopt(std::move(*running), !detached);
    return sandbox;
}

Outcome<std::vector<std::shared_ptr<Sandbox>>>
Sandbox::fork(const ForkRequest& request, bool detached, const disk::Watch& watch, Cancel* cancel) {
    sweep_runtimes();
    Launcher launcher = MSB_TRY(open_launcher());
    const auto fork = Fork::begin(launcher, request, watch);
    if (!fork) {
        const auto taken = std::ranges::find_if(request.names, [&](const std::string& name) {
            return launcher.sandboxes().get(name).has_value();
        });
        const bool exists = fork.error().kind() == ErrorKind::already_exists;
        return fail(sandbox_failure(
            fork.error(), exists && taken != request.names.end() ? *taken : request.source));
    }
    std::vector<std::shared_ptr<Sandbox>> made;
    for (const std::string& name : request.names) {
        NewSandbox sandbox = fork->sandbox(name);
        auto running = launcher.create(sandbox, launch_options(detached, cancel));
        if (!running) {
            Failure failure = launch_failure(launcher, std::move(running).error(), name);
            if (failure.kind != FailureKind::already_exists) // then it is somebody else's
                (void)remove(name, true);
            for (const auto& other : made)
                (void)remove(other->name(), true);
            return fail(std::move(failure));
        }
        made.emplace_back(new Sandbox(sandbox.spec));
        made.back()->notices_ = launcher.take_notices();
        made.back()->adopt(std::move(*running), !detached);
    }
    return made;
}

Outcome<std::shared_ptr<Sandbox>>
Sandbox::connect(const std::string& name, std::chrono::milliseconds timeout, Cancel* cancel) {
    const SandboxView view = MSB_TRY(get(name));
    std::shared_ptr<Sandbox> sandbox(new Sandbox(view.spec));
    sandbox->connections_->put_back(MSB_TRY(sandbox->connections_->take(cancel, timeout)));
    return sandbox;
}

void Sandbox::adopt(Running running, bool attached) {
    if (attached)
        watch_guard_ = ForkGuard(running.parent_watch.get());
    for (Child& helper : std::exchange(running.helpers, {})) // they end with the runtime
        leave_to_sweep(std::move(helper));
    running_ = std::move(running);
}

Sandbox::~Sandbox() {
    watch_guard_ = {};
    if (running_)
        leave_to_sweep(std::move(running_->runtime)); // the pipe's end stops it, if it is ours
}

bool Sandbox::owns_lifecycle() const {
    const std::lock_guard lock(mutex_);
    return running_ && running_->parent_watch;
}

Outcome<void> Sandbox::detach() {
    const std::lock_guard lock(mutex_);
    if (!running_ || !running_->parent_watch)
        return {};
    watch_guard_ = {};
    Status left = running_->leave(0);
    running_->parent_watch.reset();
    MSB_TRY(std::move(left));
    return {};
}

Outcome<void> Sandbox::close(Cancel* cancel) {
    {
        const std::lock_guard lock(mutex_);
        // When our sandbox has ended, its name may belong to another one.
        if (!running_ || !running_->parent_watch || !is_alive(running_->runtime))
            return {};
    }
    auto stopped = stop(name(), default_stop_grace, cancel);
    if (!stopped && stopped.error().kind != FailureKind::sandbox_not_found)
        return stopped;
    const std::lock_guard lock(mutex_);
    if (running_)
        (void)running_->runtime.wait(1s);
    return {};
}

std::vector<std::string> Sandbox::shell_command(const std::string& script) const {
    return {spec_.shell, "-c", script};
}

Outcome<wire::ExecRequest> Sandbox::request_for(std::vector<std::string> argv,
                                                CommandOptions options) const {
    options.term = terminal_type();
    wire::ExecRequest request = MSB_TRY(exec_request(spec_, std::move(argv), options));
    if (request.cmd.empty())
        return fail(Failure(FailureKind::no_default_command,
                            "sandbox '" + name() + "' has neither an entrypoint nor a command")
                        .of(name()));
    return request;
}

Outcome<wire::ExecRequest> Sandbox::terminal_request(std::vector<std::string> argv,
                                                     CommandOptions options) const {
    options.tty = true;
    return request_for(std::move(argv), std::move(options));
}

Outcome<std::shared_ptr<Exec>> Sandbox::exec(std::vector<std::string> argv,
                                             const ExecOptions& options, Cancel* cancel) {
    Command command;
    command.request = MSB_TRY(request_for(std::move(argv), options));
    command.stdin_pipe = options.stdin_pipe;
    command.input = options.input;
    command.timeout = options.timeout;
    return Exec::start(connections_, std::move(command), cancel);
}

/// Looks at the process without keeping the lock, so that other threads can stop it meanwhile.
Outcome<StopObservation> Sandbox::wait_for_ours(std::chrono::milliseconds timeout,
                                                const std::function<bool()>& tick) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    Launcher launcher = MSB_TRY(open_launcher());
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        {
            const std::lock_guard lock(mutex_);
            if (ended_)
                return *ended_;
            auto seen = launcher.sandboxes().wait_until_stopped(
                *running_, std::clamp<std::chrono::milliseconds>(left, 0ms, 20ms), {});
            if (seen)
                return *(ended_ = std::move(*seen));
            if (seen.error().kind() != ErrorKind::timed_out || left <= 0ms)
                return fail(sandbox_failure(std::move(seen).error(), name()));
        }
        if (tick && tick())
            return fail(FailureKind::cancelled, "cancelled");
        std::this_thread::sleep_for(5ms); // let others take the lock
    }
}

Outcome<StopObservation> Sandbox::wait_until_stopped(std::chrono::milliseconds timeout,
                                                     Cancel* cancel) {
    std::unique_lock lock(mutex_);
    const bool ours = running_.has_value();
    lock.unlock();
    return ours ? wait_for_ours(timeout, tick_of(cancel))
                : api::wait_until_stopped(name(), timeout, cancel);
}

Outcome<SandboxView> get(const std::string& name) {
    Launcher launcher = MSB_TRY(open_launcher());
    return about_sandbox(launcher.sandboxes().get(name), name);
}

Outcome<Listing> list(const LabelSelector& labels) {
    Launcher launcher = MSB_TRY(open_launcher());
    Listing listing;
    listing.sandboxes = MSB_TRY(launcher.sandboxes().list(labels));
    listing.damaged = launcher.sandboxes().damaged();
    return listing;
}

Outcome<std::vector<DiskChange>> sandbox_changes(const std::string& name,
                                                 const disk::Watch& watch) {
    Launcher launcher = MSB_TRY(open_launcher());
    const SandboxView view = MSB_TRY(about_sandbox(launcher.sandboxes().get(name), name));
    auto changes = diff_sandbox(launcher, name, watch);
    if (!changes && changes.error().kind() == ErrorKind::not_found)
        return fail(view.spec.snapshot.empty()
                        ? image_failure(std::move(changes).error(), view.spec.image)
                        : snapshot_failure(std::move(changes).error(), view.spec.snapshot));
    return about_sandbox(std::move(changes), name);
}

Outcome<void> remove(const std::string& name, bool force) {
    Launcher launcher = MSB_TRY(open_launcher());
    return about_sandbox(launcher.sandboxes().remove(name, force), name);
}

Outcome<void> stop(const std::string& name, std::chrono::milliseconds grace, Cancel* cancel) {
    Launcher launcher = MSB_TRY(open_launcher());
    return about_sandbox(launcher.sandboxes().stop(name, grace, tick_of(cancel)), name);
}

Outcome<void> kill(const std::string& name, std::chrono::milliseconds timeout, Cancel* cancel) {
    Launcher launcher = MSB_TRY(open_launcher());
    MSB_TRY(about_sandbox(launcher.sandboxes().request_kill(name), name));
    const auto seen = launcher.sandboxes().wait_until_stopped(name, timeout, tick_of(cancel));
    if (seen || seen.error().kind() == ErrorKind::not_found) // an ephemeral one leaves nothing
        return {};
    if (seen.error().kind() != ErrorKind::timed_out)
        return fail(sandbox_failure(seen.error(), name));
    return fail(Failure(FailureKind::timed_out,
                        "timed out observing stopped state: sandbox '" + name + "' does not end")
                    .of(name));
}

Outcome<void> drain(const std::string& name, Cancel* cancel) {
    Launcher launcher = MSB_TRY(open_launcher());
    return about_sandbox(launcher.sandboxes().drain(name, tick_of(cancel)), name);
}

Outcome<void> request_stop(const std::string& name, std::chrono::milliseconds grace) {
    Launcher launcher = MSB_TRY(open_launcher());
    return about_sandbox(launcher.sandboxes().request_stop(name, grace), name);
}

Outcome<void> request_kill(const std::string& name) {
    Launcher launcher = MSB_TRY(open_launcher());
    return about_sandbox(launcher.sandboxes().request_kill(name), name);
}

Outcome<void> request_drain(const std::string& name) {
    Launcher launcher = MSB_TRY(open_launcher());
    return about_sandbox(launcher.sandboxes().request_drain(name), name);
}

Outcome<StopObservation> wait_until_stopped(const std::string& name,
                                            std::chrono::milliseconds timeout, Cancel* cancel) {
    Launcher launcher = MSB_TRY(open_launcher());
    return about_sandbox(launcher.sandboxes().wait_until_stopped(name, timeout, tick_of(cancel)),
                         name);
}

Outcome<std::string> agent_socket_path(const std::string& name) {
    MSB_TRY(validate_name(name));
    const Home home = MSB_TRY(Home::from_environment());
    MSB_TRY(home.publish_sockets());
    return home.agent_socket_path(name);
}

} // namespace msb::api
