// A sandbox's logs, entry by entry; running or not makes no difference.
#pragma once

#include "api/cancel.hpp"
#include "api/failure.hpp"
#include "logs/reader.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace msb::api {

Outcome<std::vector<LogEntry>> logs(const std::string& name, LogQuery query);

class LogStream {
  public:
    /// `follow`: goes on until the sandbox's present run is over.
    static Outcome<std::shared_ptr<LogStream>> open(const std::string& name, LogQuery query,
                                                    bool follow);

    /// The next entry, or nothing after the last. missed_rotation once if entries before this one
    /// were lost.
    Outcome<std::optional<LogEntry>> next(Cancel* cancel);
    /// Calls that wait return with invalid_handle.
    void close();

  private:
    LogStream(std::string name, LogReader reader)
        : name_(std::move(name)), reader_(std::move(reader)) {}
    bool still_runs() const;

    std::string name_;
    std::mutex mutex_; ///< of the reader
    LogReader reader_;
    std::optional<LogEntry> held_; ///< behind the failure that told of missing entries
    std::optional<std::int64_t> until_ns_;
    std::int64_t run_started_ns_ = 0;
    bool follow_ = false;
    std::atomic<bool> closed_ = false;
};

} // namespace msb::api
