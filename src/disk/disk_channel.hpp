// An open file as the disk that libext2fs reads and writes. Its own channels ask the kernel more than a
// confined worker may.
#pragma once

#include "base/result.hpp"

#include <ext2fs/ext2fs.h>
#include <utility>

namespace msb::disk {

/// Takes the descriptor's number as name; it stays the caller's.
io_manager disk_channel();

/// `corrupt`, or no_space if that is what libext2fs says.
Error damaged_disk(const std::string& what, errcode_t code = 0);

/// Leaves the function with an error if a call of libext2fs fails.
#define MSB_EXT2(call, what)                                                                       \
    if (const errcode_t code = (call))                                                             \
    return ::msb::fail(::msb::disk::damaged_disk(what, code))

/// A file system that is open. Without close() what was changed is written in part.
class FileSystem {
  public:
    /// busy if a guest did not unmount it.
    static Result<FileSystem> open(int file, bool writable);
    explicit FileSystem(ext2_filsys handle) : handle_(handle) {}
    FileSystem(FileSystem&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    FileSystem& operator=(FileSystem&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~FileSystem();

    ext2_filsys get() const { return handle_; }
    /// Writes what has changed.
    Status close();

  private:
    ext2_filsys handle_ = nullptr;
};

} // namespace msb::disk
