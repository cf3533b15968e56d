#include "agent/core/workers.hpp"

#include "agent/core/thread.hpp"

namespace msb::agent {

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
