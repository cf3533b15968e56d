#include "agent/core/workers.hpp"

#include <csignal>
#include <pthread.h>

namespace msb::agent {

namespace {
constexpr std::size_t stack_size = std::size_t{256} << 10;

/// Not std::thread, which throws when no thread can be made.
bool start_thread(void* (*main)(void*), void* argument) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    ::pthread_attr_setstacksize(&attributes, stack_size);
    ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    const int failed = ::pthread_create(&thread, &attributes, main, argument);
    ::pthread_attr_destroy(&attributes);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return failed == 0;
}
} // namespace

Workers::~Workers() {
    std::unique_lock lock(mutex_);
    waiting_.clear();
    ended_.wait(lock, [this] { return threads_ == 0; });
}

bool Workers::run(Job job) {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= max_waiting)
        return false;
    if (threads_ < max_threads && start_thread(thread_main, this))
        ++threads_;
    if (threads_ == 0)
        return false;
    waiting_.push_back(std::move(job));
    return true;
}

void* Workers::thread_main(void* self) {
    static_cast<Workers*>(self)->work();
    return nullptr;
}

void Workers::work() {
    std::unique_lock lock(mutex_);
    while (!waiting_.empty()) {
        Job job = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        Done done = job();
        job = {};
        loop_.post(std::move(done));
        lock.lock();
    }
    --threads_;
    // Notify under the lock: the destructor may go on as soon as the lock is released.
    ended_.notify_all();
}

} // namespace msb::agent
