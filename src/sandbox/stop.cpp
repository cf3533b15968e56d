// Stopping, killing, draining, and waiting for it.
//
// Nothing here relies on the runtime's cooperation. Requests go to its socket (runtime.sock); the
// lifecycle lock and its pidfd tell whether it lives, and SIGKILL ends it even if it is stopped or
// stuck.
#include "base/file.hpp"
#include "base/system.hpp"
#include "base/time.hpp"
#include "sandbox/runtime_door.hpp"
#include "sandbox/sandboxes.hpp"

#include <algorithm>
#include <csignal>
#include <poll.h>
#include <sys/wait.h>

namespace msb {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kill_wait = 5s;
/// How long a runtime may take to open its socket before we use its recorded process id.
constexpr auto connect_patience = 5s;
/// A full backlog is served soon, or never.
constexpr auto connect_timeout = 500ms;
constexpr auto connect_pause = 10ms;
constexpr auto longest_grace = 1h;
/// How much longer the host waits than the runtime, which ends the engine itself.
constexpr auto runtime_margin = 1s;
constexpr auto tick = 80ms;

Status signal_pidfd(const OwnedFd& pidfd, int number) {
    Status sent = Child(-1, MSB_TRY(sys::dup(pidfd.get()))).signal(number);
    if (!sent && sent.error().sys_errno() == ESRCH)
        return {};
    return sent;
}

/// True when the process has ended, false after `timeout`.
Result<bool> wait_for_end(int pidfd, std::chrono::milliseconds timeout,
                          const std::function<bool()>& cancelled) {
    const auto deadline = Clock::now() + timeout;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        const auto step = cancelled ? std::min<std::chrono::milliseconds>(left, tick) : left;
        if (MSB_TRY(sys::wait_for(pidfd, POLLIN, step)))
            return true;
        if (cancelled && cancelled())
            return fail(ErrorKind::cancelled, "cancelled");
        if (Clock::now() >= deadline)
            return false;
    }
}

std::chrono::milliseconds bounded(std::chrono::milliseconds grace) {
    return std::min<std::chrono::milliseconds>(grace, longest_grace);
}

wire::HostShutdown shutdown_message(std::chrono::milliseconds grace) {
    return {static_cast<std::uint64_t>(bounded(grace).count())};
}

} // namespace

struct Sandboxes::Reached {
    pid_t pid = 0;
    OwnedFd process;                 ///< pidfd of it
    std::optional<RuntimeDoor> door; ///< none if it does not take connections
    std::chrono::milliseconds margin{};

    /// Sends the request, or `number` to a runtime that does not answer.
    template <typename Request> Status ask(const Request& request, int number) {
        if (door && door->ask(request))
            return {};
        return signal_pidfd(process, number);
    }
};

/// Finds the process by the socket's peer or, without a connection, by the id that its starter
/// recorded. False if it has ended: the id may belong to another process then, so check the lock
/// afterwards.
Result<bool> Sandboxes::find_process(const std::string& name, Reached& found) {
    if (found.door)
        found.pid = MSB_TRY(found.door->process());
    else
        found.pid = std::atoi(MSB_TRY(read_file(home_.runtime_pid(name), 32)).c_str());
    if (found.pid <= 0)
        return fail(ErrorKind::corrupt, "the process of sandbox '" + name + "' is not known");
    auto process = open_pidfd(found.pid);
    if (lock(name, 0ms) || (!process && process.error().kind() == ErrorKind::not_found))
        return false;
    found.process = MSB_TRY(std::move(process));
    return true;
}

Result<std::optional<Sandboxes::Reached>> Sandboxes::reach(const std::string& name) {
    const auto view = MSB_TRY(look(name));
    if (!view || !is_active(view->state.status))
        return std::nullopt;
    Reached reached;
    reached.margin = power_off_margin(view->spec) + runtime_margin;
    const auto deadline = Clock::now() + connect_patience;
    const std::string socket = home_.runtime_socket(name);
    auto door = RuntimeDoor::connect(socket, connect_timeout);
    while (!door && door.error().sys_errno() != EAGAIN && Clock::now() < deadline) {
        // Either it just ended, or it has not come to its socket yet.
        if (lock(name, connect_pause))
            return std::nullopt;
        door = RuntimeDoor::connect(socket, connect_timeout);
    }
    if (door)
        reached.door = std::move(*door);
    if (!MSB_TRY_WRAP(find_process(name, reached), "cannot stop sandbox '" + name + "'"))
        return std::nullopt;
    return reached;
}

/// An end that was asked for must not be shown as a crash.
Status Sandboxes::note_end(const std::string& name) {
    const OwnedFd held = MSB_TRY(lock_or_say(name, kill_wait));
    auto after = MSB_TRY(reconcile_locked(name));
    if (after && after->state.status == SandboxStatus::crashed) {
        after->state.status = SandboxStatus::stopped;
        after->state.reason = reason::shutdown_requested;
        after->state.detail = "killed";
        MSB_TRY(after->state.store(SandboxFiles{home_.sandbox(name)}.state()));
    }
    return {};
}

/// Records first that this end is wanted, so that the next command that looks sees Stopped. If we
/// are killed in between, the request stays until the runtime ends; it names the process, so it has
/// no effect on a later runtime of the sandbox.
Status Sandboxes::kill(const std::string& name, const Reached& runtime) {
    // Killing must work with a full disk, too.
    (void)write_file_atomic(home_.kill_request(name), std::to_string(runtime.pid), 0600, false);
    return signal_pidfd(runtime.process, SIGKILL);
}

Status Sandboxes::end(const std::string& name, const Reached& runtime) {
    MSB_TRY(kill(name, runtime));
    if (!MSB_TRY(wait_for_end(runtime.process.get(), kill_wait, {})))
        return fail(ErrorKind::timed_out,
                    "timed out observing stopped state: sandbox '" + name + "' does not end");
    return note_end(name);
}

Status Sandboxes::stop(const std::string& name, std::chrono::milliseconds grace,
                       const std::function<bool()>& cancelled) {
    MSB_TRY(find(name));
    auto runtime = MSB_TRY(reach(name));
    if (!runtime)
        return {};
    if (grace > 0ms) {
        MSB_TRY(runtime->ask(shutdown_message(grace), SIGTERM));
        if (MSB_TRY(
                wait_for_end(runtime->process.get(), bounded(grace) + runtime->margin, cancelled)))
            return note_end(name);
    }
    return end(name, *runtime);
}

Status Sandboxes::drain(const std::string& name, const std::function<bool()>& cancelled) {
    MSB_TRY(request_drain(name));
    for (;;) {
        const auto seen = wait_until_stopped(name, longest_grace, cancelled);
        if (seen || seen.error().kind() == ErrorKind::not_found)
            return {};
        if (seen.error().kind() != ErrorKind::timed_out)
            return fail(seen.error());
    }
}

Status Sandboxes::request_stop(const std::string& name, std::chrono::milliseconds grace) {
    if (grace <= 0ms)
        return request_kill(name);
    MSB_TRY(find(name));
    auto runtime = MSB_TRY(reach(name));
    return runtime ? runtime->ask(shutdown_message(grace), SIGTERM) : Status();
}

Status Sandboxes::request_kill(const std::string& name) {
    MSB_TRY(find(name));
    auto runtime = MSB_TRY(reach(name));
    return runtime ? kill(name, *runtime) : Status();
}

Status Sandboxes::request_drain(const std::string& name) {
    MSB_TRY(find(name));
    auto runtime = MSB_TRY(reach(name));
    return runtime ? runtime->ask(wire::HostDrain{}, SIGUSR1) : Status();
}

Result<StopObservation> Sandboxes::wait_until_stopped(const std::string& name,
                                                      std::chrono::milliseconds timeout,
                                                      const std::function<bool()>& cancelled) {
    const auto deadline = Clock::now() + timeout;
    for (;;) {
        const SandboxView view = MSB_TRY(find(name));
        if (!is_active(view.state.status))
            return StopObservation{.name = name,
                                   .status = view.state.status,
                                   .exit_code = view.state.exit_code,
                                   .signal = std::nullopt,
                                   .observed_at_ns = unix_time_ns(),
                                   .source = "state"};
        if (Clock::now() >= deadline)
            return fail(ErrorKind::timed_out, "sandbox '" + name + "' is not stopped (status: " +
                                                  std::string(to_string(view.state.status)) + ")");
        if (cancelled && cancelled())
            return fail(ErrorKind::cancelled, "cancelled");
        // The lock is free as soon as the runtime has ended.
        (void)lock(name, tick);
    }
}

Result<StopObservation> Sandboxes::wait_until_stopped(Running& running,
                                                      std::chrono::milliseconds timeout,
                                                      const std::function<bool()>& cancelled) {
    if (!MSB_TRY(wait_for_end(running.runtime.pidfd(), timeout, cancelled)))
        return fail(ErrorKind::timed_out, "sandbox '" + running.name + "' is not stopped");
    const auto status = MSB_TRY(running.runtime.wait(0ms));
    StopObservation seen;
    seen.name = running.name;
    seen.source = "process";
    if (status && WIFSIGNALED(*status))
        seen.signal = WTERMSIG(*status);
    // An ephemeral sandbox leaves nothing to read.
    const OwnedFd held = MSB_TRY(lock_or_say(running.name, kill_wait));
    if (const auto view = MSB_TRY(reconcile_locked(running.name))) {
        seen.status = view->state.status;
        seen.exit_code = view->state.exit_code;
    }
    // Without a command of its own the sandbox has no exit code but the runtime's.
    if (status && !seen.signal && !seen.exit_code)
        seen.exit_code = WEXITSTATUS(*status);
    seen.observed_at_ns = unix_time_ns();
    return seen;
}

Status Sandboxes::discard(Running& running) {
    MSB_TRY(running.runtime.signal(SIGKILL));
    if (!MSB_TRY(running.runtime.wait(kill_wait)))
        return fail(ErrorKind::timed_out, "sandbox '" + running.name + "' does not end");
    const OwnedFd held = MSB_TRY(lock_or_say(running.name, kill_wait));
    return erase_files(running.name);
}

} // namespace msb
