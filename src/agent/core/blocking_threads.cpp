#include "agent/core/blocking_threads.hpp"

#include "agent/core/thread.hpp"

#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace msb::agent {

namespace {

using namespace std::chrono_literals;

constexpr auto idle_time = 5s;

/// A signal that nobody sends to process 1 by habit.
int wake_signal() {
    return SIGRTMAX;
}

void ignore_wake(int) {}

void install_wake_handler() {
    struct sigaction action{};
    action.sa_handler = ignore_wake; // a handler, without SA_RESTART: that is what interrupts
    ::sigaction(wake_signal(), &action, nullptr);
}

} // namespace

std::shared_ptr<BlockingThreads> BlockingThreads::create() {
    install_wake_handler();
    // All threads share one heap: an arena for each would cost more than its lock.
    ::mallopt(M_ARENA_MAX, 1);
    return std::shared_ptr<BlockingThreads>(new BlockingThreads);
}

Status BlockingThreads::run(Job job) {
    const std::lock_guard lock(mutex_);
    if (idle_ <= jobs_.size())
        MSB_TRY(start_thread());
    jobs_.push_back(std::move(job));
    ready_.notify_one();
    return {};
}

void BlockingThreads::run_eventually(Job job) {
    const std::lock_guard lock(mutex_);
    if (idle_ <= jobs_.size())
        (void)start_thread();
    jobs_.push_back(std::move(job));
    ready_.notify_one();
}

Status BlockingThreads::start_thread() {
    if (threads_ >= max_threads)
        return fail(ErrorKind::limit_exceeded, "too many file operations are running");
    auto self = std::make_unique<std::shared_ptr<BlockingThreads>>(shared_from_this());
    MSB_TRY(agent::start_thread(
        [](void* argument) -> void* {
            const std::unique_ptr<std::shared_ptr<BlockingThreads>> owner(
                static_cast<std::shared_ptr<BlockingThreads>*>(argument));
            (*owner)->work();
            return nullptr;
        },
        self.get(), wake_signal()));
    (void)self.release(); // the thread's
    ++threads_;
    return {};
}

void BlockingThreads::work() {
    ::setpriority(PRIO_PROCESS, 0, 0); // of this thread; the agent's own is higher
    std::unique_lock lock(mutex_);
    for (;;) {
        ++idle_;
        const bool found = ready_.wait_for(lock, idle_time, [this] { return !jobs_.empty(); });
        --idle_;
        if (!found)
            break;
        Job job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        job();
        job = nullptr; // what it held may take its time to go, too
        lock.lock();
    }
    --threads_;
}

std::size_t BlockingThreads::thread_count() const {
    const std::lock_guard lock(mutex_);
    return threads_;
}

std::size_t BlockingThreads::busy_count() const {
    const std::lock_guard lock(mutex_);
    return threads_ - idle_ + jobs_.size();
}

void Interruptible::enter() {
    const std::lock_guard lock(mutex_);
    thread_ = static_cast<pid_t>(::syscall(SYS_gettid));
}

void Interruptible::leave() {
    const std::lock_guard lock(mutex_);
    thread_ = 0;
}

void Interruptible::interrupt() {
    const std::lock_guard lock(mutex_);
    if (thread_ != 0)
        ::syscall(SYS_tgkill, ::getpid(), thread_, wake_signal());
}

void Mailbox::post(EventLoop::Task task) {
    const std::lock_guard lock(mutex_);
    if (loop_ != nullptr)
        loop_->post(std::move(task));
}

void Mailbox::close() {
    const std::lock_guard lock(mutex_);
    loop_ = nullptr;
}

} // namespace msb::agent
