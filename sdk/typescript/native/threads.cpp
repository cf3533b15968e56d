#include "threads.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace msb::node {

namespace {

constexpr auto idle_time = std::chrono::seconds(10);

class Threads {
  public:
    void run(std::function<void()> job) {
        std::unique_lock lock(mutex_);
        if (spare_ > 0) {
            --spare_;
            jobs_.push_back(std::move(job));
            more_.notify_one();
            return;
        }
        lock.unlock();
        std::thread([this, job = std::move(job)]() mutable {
            job();
            job = nullptr; // an idle thread keeps nothing alive
            work();
        }).detach();
    }

  private:
    /// Takes jobs until none has come for a while.
    void work() {
        std::unique_lock lock(mutex_);
        ++spare_;
        for (;;) {
            const bool came = more_.wait_for(lock, idle_time, [this] { return !jobs_.empty(); });
            if (came) {
                {
                    const std::function<void()> job = std::move(jobs_.front());
                    jobs_.pop_front();
                    lock.unlock();
                    job();
                }
                lock.lock();
                ++spare_;
            } else if (spare_ > 0) {
                --spare_;
                return;
            }
        }
    }

    std::mutex mutex_;
    std::condition_variable more_;
    std::deque<std::function<void()>> jobs_;
    std::size_t spare_ = 0; ///< threads that wait and that no job in jobs_ counts on
};

} // namespace

void run_in_thread(std::function<void()> job) {
    // Never destroyed: its threads are not waited for when the process ends.
    static auto* threads = new Threads;
    threads->run(std::move(job));
}

} // namespace msb::node
