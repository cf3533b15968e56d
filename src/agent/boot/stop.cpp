#include "agent/boot/stop.hpp"

#include "agent/boot/console.hpp"
#include "agent/boot/handoff.hpp"
#include "agent/boot/mounts.hpp"
#include "agent/boot/root.hpp"
#include "wire/transport.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <dirent.h>
#include <linux/reboot.h>
#include <memory>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace msb::agent {

namespace {

using namespace std::chrono_literals;

constexpr auto kill_time = 300ms;  ///< for SIGKILL to be carried out
constexpr auto files_time = 200ms; ///< for file operations to let go of the root
constexpr auto flush_time = 200ms; ///< for clients to take their last frames, at least
constexpr auto host_time = 200ms;  ///< for the host to close the control channel
constexpr auto ask_period = 250ms; ///< of asking an init that has not heard yet
constexpr auto leave_time = 2s;    ///< for commands to end when the init ends everything
constexpr auto init_patience = 5s; ///< between the request an init has heard and its SIGTERM
constexpr auto last_moment = 1s;   ///< between its SIGTERM and the power-off, at least
constexpr auto max_grace = std::chrono::hours(1);

} // namespace

void Stopper::wake_at(Clock::time_point time) {
    server_.loop().after(time - Clock::now(), [] {}); // a round of the loop for poll()
}

void Stopper::begin(const wire::Shutdown& request) {
    auto grace = server_.services().config.stop_grace;
    if (request.grace_ms)
        grace = std::chrono::milliseconds(std::min<std::uint64_t>(
            *request.grace_ms, std::chrono::milliseconds(max_grace).count()));
    const auto now = Clock::now();
    // Another request can only shorten the time that is left.
    if (phase_ != Phase::none && now + grace >= deadline_)
        return;
    deadline_ = now + grace;
    half_ = now + grace / 2;
    wake_at(deadline_);
    if (machine_.has_init)
        wake_at(half_);
    if (std::exchange(phase_, std::max(phase_, Phase::commands)) != Phase::none)
        return;
    if (!processes_left())
        return;
    server_.sessions().stop_all(server_.services().config.stop_signal);
    if (!machine_.has_init) // an init sees to them itself
        signal_others();
}

/// Daemons that a command left behind get SIGTERM, which all of them know; the image's stop signal
/// is meant for the commands themselves.
void Stopper::signal_others() {
    const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
    if (!proc)
        return;
    while (const dirent* entry = ::readdir(proc.get())) {
        pid_t pid = 0;
        const char* end = entry->d_name + std::strlen(entry->d_name);
        if (std::from_chars(entry->d_name, end, pid).ptr != end || pid <= 1)
            continue;
        const pid_t session = ::getsid(pid); // 0 for kernel threads
        if (session > 0 && !server_.children().contains(session))
            ::kill(pid, SIGTERM);
    }
}

/// Everything that runs descends from us and becomes our child at the latest when its parent ends.
bool Stopper::processes_left() const {
    siginfo_t info{};
    return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

void Stopper::leave() {
    if (leave_by_)
        return;
    leave_by_ = Clock::now() + leave_time;
    wake_at(*leave_by_);
}

/// An init may wait for the processes it has asked to end before it kills them: do not make it wait
/// for us.
void Stopper::poll_leave() {
    if (server_.sessions().live_count() > 0 && Clock::now() < *leave_by_)
        return;
    flush(*leave_by_);
    ::_exit(0);
}

/// The rest of the grace is for clients that are behind, as long as one of them reads on: we see it,
/// or the host says so. Such a client also gets what its commands left in pipes, so those sessions
/// have not ended yet.
void Stopper::flush(Clock::time_point deadline) {
    auto state = server_.output_state();
    readers_moved();
    deadline = std::max(deadline, readers_moved_ + flush_time);
    while ((state.second > 0 || server_.sessions().live_count() > 0) &&
           Clock::now() < std::min(deadline, readers_moved_ + wire::reader_patience)) {
        (void)server_.step(1ms);
        if (const auto now = server_.output_state(); std::exchange(state, now) != now)
            readers_moved();
    }
    if (state.second > 0)
        complain(std::to_string(state.second) + " bytes for clients that do not read are dropped");
    settle();
}

/// What was written to sockets is only on its way, and would be lost with the machine. All of them
/// share one way, so the host has everything when it answers what was sent last.
void Stopper::settle() {
    host_answered_ = false;
    machine_.control.send(wire::Ping{});
    const auto deadline = Clock::now() + wire::reader_patience;
    while (!host_answered_ && Clock::now() < deadline)
        (void)server_.step(1ms);
}

void Stopper::poll() {
    if (leave_by_)
        poll_leave();
    if (phase_ == Phase::none)
        return;
    if (machine_.has_init)
        poll_init();
    else if (!processes_left() || Clock::now() >= deadline_)
        finish();
}

/// Asks the init until it has heard. One that is still starting up may still be another program, or
/// may lose the request.
void Stopper::ask_init() {
    const InitKind kind = running_init();
    if (kind != heard_ && ask_to_power_off(kind)) {
        heard_ = kind;
        impatient_ = Clock::now() + init_patience;
        wake_at(impatient_);
    }
    ask_again_ = Clock::now() + ask_period;
    wake_at(ask_again_);
}

void Stopper::poll_init() {
    const auto now = Clock::now();
    const bool commands_left = server_.sessions().live_count() > 0;
    if (phase_ == Phase::commands && (!commands_left || now >= half_)) {
        phase_ = Phase::init;
        ask_init();
    } else if (phase_ == Phase::init && now >= ask_again_ && now < deadline_) {
        ask_init();
    }
    if (phase_ == Phase::init && (now >= deadline_ || (heard_ && now >= impatient_))) {
        complain("the init system did not power off in time");
        phase_ = Phase::told;
        ::kill(1, SIGTERM);
        deadline_ = std::max(deadline_, now + last_moment);
        wake_at(deadline_);
    } else if (phase_ == Phase::told && now >= deadline_) {
        finish();
    }
}

void Stopper::kill_all() {
    if (!processes_left())
        return;
    ::kill(-1, SIGKILL);
    const auto deadline = Clock::now() + kill_time;
    while (Clock::now() < deadline && processes_left())
        (void)server_.step(1ms); // reaps, and clients learn how their commands ended
}

void Stopper::finish() {
    kill_all();
    server_.end_file_operations();
    const auto files_deadline = Clock::now() + files_time;
    while (server_.has_file_operations() && Clock::now() < files_deadline)
        (void)server_.step(1ms);
    flush(deadline_);
    save();
    if (machine_.control.has_queued())
        machine_.control.finish(host_time);
    power_off();
}

void Stopper::save() {
    machine_.own_directory.reset();
    if (!machine_.initramfs)
        return;
    const int initramfs = machine_.initramfs.get();
    settle_disks(initramfs);
    if (machine_.ephemeral)
        return discard_root(initramfs);
    // If process 1 is an init system it keeps the root in use.
    const Status saved = machine_.has_init ? freeze_root(initramfs) : save_root(initramfs);
    if (!saved) {
        complain("cannot unmount the root: " + saved.error().to_string());
        ::sync();
    }
}

void power_off() {
    ::reboot(RB_POWER_OFF);
    // reboot() returns only if we are not the machine's process 1; then exiting ends the machine.
    ::_exit(1);
}

} // namespace msb::agent
