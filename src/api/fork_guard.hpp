// The library in a child that its program forks without executing another program.
//
// The child gets copies of our descriptors, and a copy keeps things alive: the guest's commands, by
// their connections, and attached sandboxes, by the pipe that says that their owner lives. So the
// child closes them at once. Our other objects are torn copies there that must not even be
// destroyed (an epoll instance is shared with the parent): code that keeps objects between calls
// compares fork_generation() and forgets them when it has changed.
#pragma once

#include <cstdint>
#include <mutex>
#include <utility>

namespace msb::api {

/// Held while the process forks. Hold it around changes that a child must not see half done.
std::mutex& fork_mutex();

/// Number of forks between the program's start and this process.
std::uint64_t fork_generation();

/// A descriptor that a forked child closes. Does not own it.
class ForkGuard {
  public:
    ForkGuard() = default;
    explicit ForkGuard(int fd);
    ForkGuard(ForkGuard&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    ForkGuard& operator=(ForkGuard&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ForkGuard(const ForkGuard&) = delete;
    ForkGuard& operator=(const ForkGuard&) = delete;
    ~ForkGuard();

  private:
    int fd_ = -1;
};

} // namespace msb::api
