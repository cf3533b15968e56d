// kernel.log: the guest console. The guest writes it, so its size is bounded: at 10 MiB the file
// becomes kernel.log.1 and a new one starts.
#pragma once

#include "base/bytes.hpp"
#include "base/event_loop.hpp"
#include "base/fd.hpp"

#include <memory>
#include <string>

namespace msb {

class KernelLog {
  public:
    static constexpr std::uint64_t rotate_bytes = std::uint64_t{10} << 20;

    /// Opens (and empties) the log in `directory_fd`. console() is what the engine writes to.
    static Result<std::unique_ptr<KernelLog>> open(OwnedFd directory_fd);
    ~KernelLog();
    KernelLog(const KernelLog&) = delete;
    KernelLog& operator=(const KernelLog&) = delete;

    int console() const { return pipe_write_.get(); }
    /// The engine has its copy: from now on the end of the engine is the end of the pipe.
    void close_console() { pipe_write_.reset(); }
    Status watch(EventLoop& loop);
    /// Reads what is left, for the moment after the engine's end.
    void drain();
    /// The last lines, for an error message; control characters removed. At most ~1 KiB.
    std::string tail() const;
    /// CLOCK_MONOTONIC of the first byte the guest wrote; 0: none yet.
    std::int64_t first_output_ns() const { return first_output_ns_; }

  private:
    KernelLog(OwnedFd directory_fd, OwnedFd file, OwnedFd pipe_read, OwnedFd pipe_write);
    bool read_some();
    void append(BytesView data);

    OwnedFd directory_fd_;
    OwnedFd file_;
    OwnedFd pipe_read_;
    OwnedFd pipe_write_;
    EventLoop* loop_ = nullptr;
    std::uint64_t size_ = 0;
    std::string recent_;
    std::int64_t first_output_ns_ = 0;
};

} // namespace msb
