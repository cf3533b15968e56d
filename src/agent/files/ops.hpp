// What the file operations do; all of this blocks and runs on a worker's thread.
#pragma once

#include "agent/core/blocking_threads.hpp"
#include "agent/files/handles.hpp"
#include "agent/files/stream_queue.hpp"
#include "wire/fs_messages.hpp"

#include <atomic>
#include <sys/stat.h>

namespace msb::agent {

/// Set by the loop, seen by the thread.
class Cancellation {
  public:
    void cancel() {
        cancelled_ = true;
        thread_.interrupt();
    }
    /// Interrupts again, in case the first interruption came before the system call.
    void interrupt_again() { thread_.interrupt(); }
    bool is_cancelled() const { return cancelled_; }
    Status check() const {
        if (cancelled_)
            return fail(ErrorKind::cancelled, "cancelled");
        return {};
    }
    Interruptible& thread() { return thread_; }

  private:
    std::atomic<bool> cancelled_ = false;
    Interruptible thread_;
};

struct FileWork {
    const wire::FsRequest& request;
    std::string user; ///< to act as; empty = root
    bool switch_user = true;
    HandleTable& handles;
    Cancellation& cancellation;
    StreamQueue* data = nullptr; ///< of the operations that stream
};

bool is_stream(const wire::FsOp& op);
/// Of those, whether the client sends the data.
bool is_upload(const wire::FsOp& op);

using FileResult = Result<std::optional<wire::FsResponseData>>;

/// Performs the operation as the user it names. When this returns, a stream's data has gone through
/// the queue.
wire::FsResponse perform(const FileWork& work);
wire::FsResponse failed_response(const wire::FsOp& op, const Error& error);

// --- parts; see metadata.cpp, streams.cpp, copy.cpp, remove.cpp ---

/// It is done, and there is nothing to tell.
inline FileResult done() {
    return std::optional<wire::FsResponseData>();
}
FileResult operate(const FileWork& work);
FileResult stream(const FileWork& work);
wire::FsEntry make_entry(std::string path, const struct stat& info, bool extended);
/// A path as a system call takes it: no NUL byte.
Status check_path(const std::string& path);
Result<off_t> to_offset(std::uint64_t value);
/// poll(2) in steps, until cancelled.
Status wait_until_ready(int fd, short events, const Cancellation& cancellation);
/// Contents, holes and mode of one regular file, into a new or an existing one.
Status copy_file(const wire::FsCopy& op, const Cancellation& cancellation);
/// rm -r: never follows a link, and needs no descriptor per level.
Status remove_recursively(const std::string& path, const Cancellation& cancellation);

} // namespace msb::agent
