// Runs one piece of parsing in a forked, confined process: it has the descriptors it is given and
// nothing else, and answers with one JSON value.
#pragma once

#include "base/process.hpp"
#include "image/json.hpp"
#include "jail/jail.hpp"

#include <atomic>
#include <chrono>
#include <functional>

namespace msb::image {

/// A number that the worker advances and its parent reads.
class SharedCounter {
  public:
    static Result<SharedCounter> create();
    SharedCounter(SharedCounter&& other) noexcept;
    SharedCounter& operator=(SharedCounter&& other) noexcept;
    ~SharedCounter();
    std::atomic<std::uint64_t>* get() const { return value_; }
    std::uint64_t load() const { return value_->load(std::memory_order_relaxed); }

  private:
    explicit SharedCounter(std::atomic<std::uint64_t>* value) : value_(value) {}
    std::atomic<std::uint64_t>* value_;
};

class ConfinedTask {
  public:
    /// `fds` stay open in the worker under their numbers. `body` must not touch anything else.
    static Result<ConfinedTask> start(const std::vector<int>& fds,
                                      const std::function<Result<Json>()>& body,
                                      const jail::Workplace& workplace = {});

    /// Readable when finish() will not block.
    int pidfd() const { return child_.pidfd(); }
    /// The worker's answer, or why there is none.
    Result<Json> finish();
    Status kill() { return child_.signal(9); }
    /// For a worker that is about to end: waits a little, then kills it. True if it ended by
    /// itself.
    bool stop(std::chrono::milliseconds wait = std::chrono::seconds(5));

  private:
    ConfinedTask(Child child, OwnedFd answer)
        : child_(std::move(child)), answer_(std::move(answer)) {}
    Child child_;
    OwnedFd answer_;
};

/// start(), then finish(). `watch` is called now and then; if it returns an error the worker is
/// ended.
Result<Json> run_confined(const std::vector<int>& fds, const std::function<Result<Json>()>& body,
                          const std::function<Status()>& watch = {},
                          const jail::Workplace& workplace = {});

} // namespace msb::image
