#include "api/fork_guard.hpp"

#include <atomic>
#include <pthread.h>
#include <set>
#include <unistd.h>

namespace msb::api {

namespace {

// Never destroyed: other threads may run while the program exits.
std::set<int>& guarded() {
    static auto* fds = new std::set<int>;
    return *fds;
}

std::atomic<std::uint64_t> generation = 0;

void before_fork() {
    fork_mutex().lock();
}

void after_fork_in_parent() {
    fork_mutex().unlock();
}

void after_fork_in_child() {
    for (const int fd : guarded())
        ::close(fd);
    guarded().clear();
    ++generation;
    fork_mutex().unlock();
}

} // namespace

std::mutex& fork_mutex() {
    static auto* mutex = new std::mutex;
    static const int watching =
        ::pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
    (void)watching;
    return *mutex;
}

std::uint64_t fork_generation() {
    (void)fork_mutex();
    return generation;
}

ForkGuard::ForkGuard(int fd) : fd_(fd) {
    const std::lock_guard lock(fork_mutex());
    guarded().insert(fd);
}

ForkGuard::~ForkGuard() {
    if (fd_ < 0)
        return;
    const std::lock_guard lock(fork_mutex());
    guarded().erase(fd_);
}

} // namespace msb::api
