// Threads for what may block: system calls on the guest's file systems.
//
// The agent itself is one thread and stays so; these run nothing but jobs that were handed over
// whole. They are made when needed and end when idle, so an agent that is not asked for files has
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

    /// Runs the job soon, on a thread of its own. Errors: limit_exceeded beyond max_threads; system
    /// when the guest cannot make another thread.
    Status run(Job job);
    /// As run(), for a job that must not be lost: if no thread can be had, the next thread takes
    /// it.
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
    /// No effect if the thread is not between enter() and leave(). It may come just before the
    /// system call, so repeat it.
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
    /// No posted function runs after this. Call it on the loop's thread.
    void close();

  private:
    std::mutex mutex_;
    EventLoop* loop_;
};

} // namespace msb::agent
