// A single-threaded epoll loop: descriptors, timers, and functions posted from other threads.
//
// Written here rather than taken from a library because every confined process runs on it: its
// system calls (epoll_wait, epoll_ctl, eventfd and timerfd) are the floor of each role's seccomp
// allow-list, and the static guest agent links it too. There, reading the clock is a system call
// and system calls are expensive, so a round in which no timer is due does not read it.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace msb {

class EventLoop {
  public:
    using Clock = std::chrono::steady_clock;
    /// Receives the ready epoll events (EPOLLIN, EPOLLOUT, EPOLLHUP, ...).
    using FdHandler = std::function<void(std::uint32_t events)>;
    using Task = std::function<void()>;
    using TimerId = std::uint64_t;

    static Result<std::unique_ptr<EventLoop>> create();
    ~EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    /// Level-triggered. The loop does not own `fd`; call unwatch() before closing it.
    Status watch(int fd, std::uint32_t events, FdHandler handler);
    /// Changes the events of a watched descriptor; 0 keeps it registered but silent (HUP and ERR
    /// are always reported by the kernel).
    Status modify(int fd, std::uint32_t events);
    /// Safe from inside any handler, including the descriptor's own.
    void unwatch(int fd);

    TimerId after(Clock::duration delay, Task task);
    void cancel(TimerId timer);

    /// Runs `task` on the loop soon. The only member that other threads may call, with stop().
    void post(Task task);

    /// Runs until stop().
    Status run();
    /// One round: waits at most `timeout` (in ms, rounded up) for the first event. For tests and
    /// embedding.
    Status run_once(Clock::duration timeout);
    void stop();

  private:
    struct Watch {
        FdHandler handler;
    };
    EventLoop(OwnedFd epoll_fd, OwnedFd wake_fd, OwnedFd timer_fd);
    Status arm_timer();
    void run_due_timers();
    void run_posted();

    OwnedFd epoll_fd_;
    OwnedFd wake_fd_;
    OwnedFd timer_fd_;
    std::unordered_map<int, std::shared_ptr<Watch>> watches_;
    std::map<std::pair<Clock::time_point, TimerId>, Task> timers_;
    std::unordered_map<TimerId, Clock::time_point> timer_times_;
    TimerId next_timer_ = 1;
    Clock::time_point armed_ = Clock::time_point::max(); ///< when timer_fd_ fires
    bool timer_fired_ = false;
    std::mutex posted_mutex_;
    std::vector<Task> posted_;
    bool stopped_ = false;
};

} // namespace msb
