// exec.log: what sandboxed commands wrote (format: line.hpp).
//
// Writing. A small entry is written by the caller, on the event loop: it is in the file before the
// client hears of it, and the page cache takes it in microseconds. A flood is different: the kernel
// makes a process that fills its cache faster than the disk wait for the disk. So entries beyond a
// modest rate go to a thread, in order; the loop never waits, and what is queued is bounded:
// callers look at full() and stop reading from the guest until there is progress.
#pragma once

#include "base/bytes.hpp"
#include "base/event_loop.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"
#include "logs/line.hpp"
#include "logs/rotating_file.hpp"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

namespace msb {

class ExecLog {
  public:
    /// `directory_fd` is the logs directory and is kept.
    static Result<std::unique_ptr<ExecLog>> open(OwnedFd directory_fd);
    ~ExecLog();
    ExecLog(const ExecLog&) = delete;
    ExecLog& operator=(const ExecLog&) = delete;

    /// From now on floods are written by a thread, and `progress` is called on `loop` each time
    /// that it has written something. Without it everything is written by the caller.
    void start(EventLoop& loop, std::function<void()> progress);

    void write(LogSource source, std::optional<std::uint64_t> session, BytesView data);
    /// "--- sandbox started ---" and the like, source "system".
    void mark(std::string_view text);

    /// So much is queued that callers must stop until `progress` is called.
    bool full() const;
    /// Number of the newest entry; and whether an entry is in the file.
    std::uint64_t newest() const;
    bool written(std::uint64_t entry) const;
    /// Waits until everything is in the file.
    void flush();

  private:
    struct Entry {
        std::int64_t time_ns;
        LogSource source;
        std::optional<std::uint64_t> session;
        std::size_t size; ///< of its data
    };
    /// Entries, and their data one behind the other.
    struct Batch {
        std::vector<Entry> entries;
        Bytes data;
    };

    explicit ExecLog(RotatingFile file) : file_(std::move(file)) {}
    void write_now(const Entry& entry, BytesView data);
    bool within_rate(std::size_t bytes, std::int64_t now_ns);
    void enqueue(const Entry& entry, BytesView data);
    void write_queue();
    void write_batch(const Batch& batch);
    bool settled() const;

    // Of the thread while anything is queued, else of the caller.
    RotatingFile file_;
    std::string line_;
    std::size_t allowance_ = 0;
    std::int64_t allowance_time_ns_ = 0;

    EventLoop* loop_ = nullptr;
    std::function<void()> progress_;
    std::thread thread_;
    mutable std::mutex mutex_; ///< of what follows
    std::condition_variable wake_;
    std::condition_variable idle_;
    Batch queue_;
    std::size_t queued_bytes_ = 0; ///< including what the thread is writing
    std::uint64_t newest_ = 0;     ///< entries that were queued
    std::uint64_t written_ = 0;    ///< of them, in the file
    bool ending_ = false;
};

} // namespace msb
