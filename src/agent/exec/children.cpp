#include "agent/exec/children.hpp"

#include "base/system.hpp"

#include <csignal>
#include <fcntl.h>
#include <string>
#include <sys/epoll.h>
#include <sys/wait.h>

namespace msb::agent {

namespace {
/// Children reaped in one round, so that a flood of orphans does not starve the clients.
constexpr int reap_batch = 128;
} // namespace

Children::~Children() {
    for (const auto& [fd, launch] : adopted_) {
        services_.loop.unwatch(fd);
        // The child may still run in our memory.
        ::kill(launch->pid(), SIGKILL);
        while (launch->poll() == Launch::State::pending)
            (void)sys::wait_for(fd, EPOLLIN, std::chrono::milliseconds(10));
    }
}

/// When memory is short the kernel kills the agent last; the processes that it starts have no such
/// protection.
void Children::executed(pid_t pid) const {
    if (!services_.config.beside_init)
        return;
    if (const auto score = sys::open("/proc/" + std::to_string(pid) + "/oom_score_adj", O_WRONLY))
        (void)sys::write_all(score->get(), as_bytes("0"));
}

void Children::adopt(std::unique_ptr<Launch> launch) {
    if (launch->poll() != Launch::State::pending)
        return;
    const int fd = launch->report_fd();
    Launch* raw = launch.get();
    adopted_.emplace(fd, std::move(launch));
    (void)services_.loop.watch(fd, EPOLLIN, [this, fd, raw](std::uint32_t) {
        if (raw->poll() == Launch::State::pending)
            return;
        services_.loop.unwatch(fd);
        adopted_.erase(fd);
    });
}

void Children::reap() {
    for (int i = 0; i < reap_batch; ++i) {
        int status = 0;
        const pid_t pid = ::waitpid(-1, &status, WNOHANG);
        if (pid <= 0)
            return;
        const auto found = children_.find(pid);
        if (found == children_.end())
            continue; // an orphan that became ours, or a command whose client left
        Child* child = found->second;
        children_.erase(found);
        child->on_exit(status);
    }
    services_.loop.post([this] { reap(); });
}

} // namespace msb::agent
