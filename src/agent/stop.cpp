#include "agent/stop.hpp"

#include "agent/console.hpp"
#include "agent/root.hpp"

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

namespace msb::agent {

namespace {

using namespace std::chrono_literals;

constexpr auto kill_time = 300ms;  ///< for SIGKILL to be carried out
constexpr auto files_time = 200ms; ///< for file operations to let go of the root
constexpr auto flush_time = 200ms; ///< for clients to take their last frames
constexpr auto host_time = 200ms;  ///< for the host to close the control channel
constexpr auto max_grace = std::chrono::hours(1);

} // namespace

void Stopper::begin(const wire::Shutdown& request) {
    active_ = true;
    auto grace = server_.config().stop_grace;
    if (request.grace_ms)
        grace = std::chrono::milliseconds(std::min<std::uint64_t>(
            *request.grace_ms, std::chrono::milliseconds(max_grace).count()));
    deadline_ = EventLoop::Clock::now() + grace;
    server_.loop().after(grace, [] {}); // wakes the loop for poll()
    if (!processes_left())
        return;
    server_.signal_sessions();
    signal_others();
}

/// Daemons that a command left behind know SIGTERM only; the stop signal is the image's wish for
/// the commands themselves.
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
        if (session > 0 && !server_.is_session(session))
            ::kill(pid, SIGTERM);
    }
}

/// Everything that runs descends from us and becomes our child at the latest when its parent ends.
bool Stopper::processes_left() const {
    siginfo_t info{};
    return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

void Stopper::poll() {
    if (active_ && (!processes_left() || EventLoop::Clock::now() >= deadline_))
        finish();
}

void Stopper::kill_all() {
    if (!processes_left())
        return;
    ::kill(-1, SIGKILL);
    const auto deadline = EventLoop::Clock::now() + kill_time;
    while (EventLoop::Clock::now() < deadline && processes_left())
        (void)server_.step(1ms); // reaps, and clients learn how their commands ended
}

void Stopper::finish() {
    kill_all();
    server_.end_file_operations();
    const auto files_deadline = EventLoop::Clock::now() + files_time;
    while (server_.has_file_operations() && EventLoop::Clock::now() < files_deadline)
        (void)server_.step(1ms);
    const auto deadline = EventLoop::Clock::now() + flush_time;
    while (!server_.flush() && EventLoop::Clock::now() < deadline)
        (void)server_.step(1ms);
    if (machine_.initramfs && machine_.ephemeral) {
        discard_root(machine_.initramfs.get());
    } else if (machine_.initramfs) {
        const Status saved = save_root(machine_.initramfs.get());
        if (!saved) {
            complain("cannot unmount the root: " + saved.error().to_string());
            ::sync();
        }
    }
    if (machine_.control.has_queued())
        machine_.control.finish(host_time);
    power_off();
}

void power_off() {
    ::reboot(RB_POWER_OFF);
    // Returns only if we are not process 1 of a machine; its end is the machine's end then.
    ::_exit(1);
}

} // namespace msb::agent
