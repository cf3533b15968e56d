// Files in a sandbox. Each operation has a connection of its own.
#pragma once

#include "api/connection.hpp"
#include "client/files.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace msb::api {

/// An error of an operation on files.
Failure file_failure(Error error);

struct FileOptions {
    std::string user; ///< USER[:GROUP] to act as; empty: root
};

class FileSystem {
  public:
    FileSystem(std::shared_ptr<ConnectionPool> pool, FileOptions options)
        : pool_(std::move(pool)), options_(std::move(options)) {}

    /// limit_exceeded if the file has more than `most` bytes.
    Outcome<Bytes> read(const std::string& path, std::size_t most, Cancel* cancel);
    /// Makes or replaces it.
    Outcome<void> write(const std::string& path, BytesView data, std::uint32_t mode,
                        Cancel* cancel);
    Outcome<wire::FsEntry> stat(const std::string& path, bool follow, Cancel* cancel);
    Outcome<std::vector<wire::FsEntry>> list(const std::string& path, Cancel* cancel);
    /// An operation whose answer is a path.
    Outcome<std::string> path_by(wire::FsOp op, Cancel* cancel);
    /// An operation whose answer is only success or an error.
    Outcome<void> perform(wire::FsOp op, Cancel* cancel);
    Outcome<void> copy_from_host(const std::string& host, const std::string& guest, Cancel* cancel);
    /// The host's file is made or replaced by the user of this process.
    Outcome<void> copy_to_host(const std::string& guest, const std::string& host, Cancel* cancel);

  private:
    template <typename Body> auto with_files(Cancel* cancel, Body body);

    std::shared_ptr<ConnectionPool> pool_;
    FileOptions options_;
};

/// The contents of one file, in either direction, piece by piece. One call at a time; others wait.
class FileStream {
  public:
    static Outcome<std::shared_ptr<FileStream>> open_read(std::shared_ptr<ConnectionPool> pool,
                                                          const std::string& path,
                                                          const FileOptions& options,
                                                          Cancel* cancel);
    static Outcome<std::shared_ptr<FileStream>>
    open_write(std::shared_ptr<ConnectionPool> pool, const std::string& path, std::uint32_t mode,
               const FileOptions& options, Cancel* cancel);
    ~FileStream();
    FileStream(const FileStream&) = delete;
    FileStream& operator=(const FileStream&) = delete;

    /// Empty at the end.
    Outcome<Bytes> read(Cancel* cancel);
    Outcome<void> write(BytesView data, Cancel* cancel);
    /// What was written is complete only after this. One that was cancelled can be called again.
    Outcome<void> finish(Cancel* cancel);
    /// Calls that wait end soon, as cancelled.
    void close() { closed_ = true; }

  private:
    explicit FileStream(std::shared_ptr<ConnectionPool> pool, Connection connection);
    Status tick() const;
    Status complete();
    template <typename Body> auto in_turn(Cancel* cancel, Body body);

    std::shared_ptr<ConnectionPool> pool_;
    Connection connection_;
    std::atomic<bool> closed_ = false;
    std::mutex mutex_; ///< of what follows
    Cancel* cancel_ = nullptr;
    std::optional<Files> files_;
    std::uint64_t handle_ = 0;
    std::unique_ptr<Files::Download> download_;
    std::unique_ptr<Files::Upload> upload_;
    std::unique_ptr<Files::Pending> closing_; ///< the guest's handle of a written file
    bool done_ = false;                       ///< the connection can be used again
    bool finished_ = false;       ///< a file was read to its end, or a written one is complete
    std::optional<Error> failed_; ///< why a written one is not, and never will be
};

} // namespace msb::api
