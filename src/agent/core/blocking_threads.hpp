// Threads for what may block: system calls on the guest's file systems.
//
// The agent itself is one thread and stays so; these run nothing but jobs that were handed over
// whole. They are made when needed and end when idle, so an agent that no one asks for files has
// none. A job that never ends (a file system whose server is stuck) keeps its thread and nothing
// else: jobs never queue behind one another.
//
// How they get along with launch.cpp: a launching child shares the agent's memory but takes no lock
// and calls no allocator, so it does not matter what these threads do meanwhile; and every signal
// but wake_signal is blocked here, so the agent's own signals always reach its first thread.
#pragma once

#include "base/event_loop.hpp"
#include "base/result.hpp"

#include <condition_variable>
#include <csignal>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace msb::agent {

class BlockingThreads : public std::enable_shared_from_this<BlockingThreads> {
  public:
    using Job = std::function<void()>;

    static std::shared_ptr<BlockingThreads> create();

    /// Runs the job soon, on a thread of its own. limit_exceeded beyond max_threads, system when
    /// the guest has no room for another thread.
    Status run(Job job);
    /// The same for a job that must happen some time: without a thread, the next one takes it.
    void run_eventually(Job job);

    std::size_t thread_count() const;
    std::size_t busy_count() const;

    static constexpr std::size_t max_threads = 512;

  private:
    BlockingThreads() = default;
    Status start_thread();
    void work();

    mutable std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<Job> jobs_;
    std::size_t threads_ = 0;
    std::size_t idle_ = 0;
};

/// Lets a job be woken from a system call that blocks: it returns EINTR.
class Interruptible {
  public:
    /// The calling thread, from now until leave().
    void enter();
    void leave();
    /// Of no effect outside. May come just before the system call: repeat it.
    void interrupt();

  private:
    std::mutex mutex_;
    pid_t thread_ = 0;
};

/// Runs functions on the loop, as long as there is one. Shared with jobs that may outlive it.
class Mailbox {
  public:
    explicit Mailbox(EventLoop& loop) : loop_(&loop) {}
    void post(EventLoop::Task task);
    /// Nothing posted runs after this. On the loop's thread.
    void close();

  private:
    std::mutex mutex_;
    EventLoop* loop_;
};

} // namespace msb::agent
