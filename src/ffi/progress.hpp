// Reports of a pull or a copy, on their way from the thread that works to the one that shows them.
#pragma once

#include "api/cancel.hpp"
#include "api/failure.hpp"
#include "image/progress.hpp"
#include "json/value.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

namespace msb::ffi {

class ReportQueue : public image::Progress {
  public:
    void resolving(const std::string& reference) override;
    void resolved(const std::string& reference, std::size_t layers,
                  std::uint64_t total_bytes) override;
    void layer_bytes(std::size_t layer, std::uint64_t done, std::uint64_t total) override;
    void layer_done(std::size_t layer, bool reused) override;
    void merging(const std::string& reference) override;

    void complete(const std::string& reference);
    /// Of a disk or an archive.
    void copied(std::uint64_t done, std::uint64_t total);
    void finish();
    /// The next report; nothing after the last, when the reporting call has ended.
    api::Outcome<std::optional<json::Value>> next(api::Cancel* cancel);

  private:
    void push(json::Value event);

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<json::Value> events_;
    bool finished_ = false;
};

/// Ends the queue when the call ends, however it ends.
class Reporting {
  public:
    explicit Reporting(ReportQueue* queue) : queue_(queue) {}
    ~Reporting() {
        if (queue_ != nullptr)
            queue_->finish();
    }
    Reporting(const Reporting&) = delete;
    Reporting& operator=(const Reporting&) = delete;

  private:
    ReportQueue* queue_;
};

} // namespace msb::ffi
