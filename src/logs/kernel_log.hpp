// kernel.log: the guest console, every line behind the host's time at which it began.
//
// The guest writes it, so its size is bounded (rotating_file.hpp) and so is the length of a line. A
// thread of its own reads the console: a guest that floods it takes time from nobody but itself.
#pragma once

#include "base/bytes.hpp"
#include "base/event_loop.hpp"
#include "base/fd.hpp"
#include "logs/rotating_file.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace msb {

class KernelLog {
  public:
    /// Opens the log in `directory_fd`. console() is what the engine writes to.
    static Result<std::unique_ptr<KernelLog>> open(OwnedFd directory_fd);
    ~KernelLog();
    KernelLog(const KernelLog&) = delete;
    KernelLog& operator=(const KernelLog&) = delete;

    int console() const { return pipe_write_.get(); }
    /// Closes our copy of the pipe's end once the engine has one: the engine's end then ends the
    /// pipe.
    void close_console() { pipe_write_.reset(); }
    /// Begins to read.
    void start();
    /// Reads the rest after the engine has ended, and stops.
    void finish();
    /// What the console received last, in whole lines, as they are; at most 8 KiB.
    std::string recent() const;

  private:
    KernelLog(RotatingFile file, OwnedFd pipe_read, OwnedFd pipe_write, OwnedFd stop);
    void read_until_stopped();
    bool read_some();
    void append(BytesView data);
    void end_line();

    RotatingFile file_;
    OwnedFd pipe_read_;
    OwnedFd pipe_write_;
    OwnedFd stop_; ///< eventfd: the thread is to end
    std::thread thread_;
    std::size_t line_length_ = 0; ///< of the unfinished line
    mutable std::mutex mutex_;    ///< of recent_
    std::string recent_;
};

/// The end of a console for an error message: whole lines without control characters, about 1 KiB
/// at most. Of a kernel panic what led to it and its reason, little of its stack.
std::string console_summary(std::string_view console);

/// The wait status of process 1 (as of waitpid(2)), if its end is why the kernel panicked.
std::optional<int> end_of_process_1(std::string_view console);

} // namespace msb
