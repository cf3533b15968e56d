// A few threads for looking names up, which may wait for the guest's name servers.
//
// Threads and launching commands do not disturb each other: a launching child (see launch.cpp)
// shares the agent's memory but uses neither the allocator nor any lock, and every thread here is
// made with all signals blocked, so SIGCHLD stays with the loop's signalfd.
#pragma once

#include "base/event_loop.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

namespace msb::agent {

class Workers {
  public:
    /// Runs on the loop after the job.
    using Done = std::function<void()>;
    using Job = std::function<Done()>;

    explicit Workers(EventLoop& loop) : loop_(loop) {}
    /// Waits for running jobs (they are bounded in time and notice when they are no longer wanted).
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    /// Queues a job; false if too many wait already. Threads exist only while there is work.
    bool run(Job job);

    static constexpr std::size_t max_threads = 8;
    static constexpr std::size_t max_waiting = 4096;

  private:
    static void* thread_main(void* self);
    void work();

    EventLoop& loop_;
    std::mutex mutex_;
    std::condition_variable ended_;
    std::deque<Job> waiting_;
    std::size_t threads_ = 0;
};

} // namespace msb::agent
