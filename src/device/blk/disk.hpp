// The bytes of a disk: file extents one behind the other, addressed as one range.
#pragma once

#include "base/result.hpp"
#include "virtio/chain.hpp"

#include <cstdint>
#include <vector>

namespace msb::device {

struct Extent {
    int fd = -1;                   ///< Borrowed: must stay open as long as the device.
    std::uint64_t file_offset = 0; ///< Bytes.
    std::uint64_t length = 0;      ///< Bytes, a multiple of 512.
};

/// Every range given to a member must lie within size(). Errors are errno values; 0 is success.
class Disk {
  public:
    /// invalid_argument: no extent, a length that is 0 or not a multiple of 512, an overflow.
    static Result<Disk> create(const std::vector<Extent>& extents);

    std::uint64_t size() const { return size_; }
    /// The last extent is longer now, by a multiple of 512 bytes: its file is.
    void extend(std::uint64_t bytes);

    /// A read that can be continued where it stopped.
    struct Read {
        std::uint64_t offset = 0; ///< Of the next byte.
        virtio::Cursor into;      ///< Its remaining part is what is still to be read.
    };
    /// Reads what the page cache has. EAGAIN: the rest needs the disk; `read` says which part.
    int read_cached(Read& read);
    /// Starts to read it into the page cache and does not wait.
    void announce(const Read& read);
    int read_waiting(Read& read);

    int write(std::uint64_t offset, virtio::Cursor from);
    /// Everything written so far is on stable storage (fdatasync of each file).
    int flush();
    /// The range may lose its content: deallocated where the file system can, else untouched.
    int discard(std::uint64_t offset, std::uint64_t length);
    /// The range reads as zeroes; deallocated if `unmap` and possible.
    int write_zeroes(std::uint64_t offset, std::uint64_t length, bool unmap);

  private:
    struct Piece {
        int fd;
        std::uint64_t begin; ///< On the disk.
        std::uint64_t file_offset;
        std::uint64_t length;
        bool can_try = true; ///< RWF_NOWAIT works on this file.
    };
    struct Span {
        Piece* piece;
        std::int64_t file_offset;
        std::uint64_t length;
    };
    /// The part of a range that lies in the piece where it starts.
    Span locate(std::uint64_t offset, std::uint64_t length);
    int read_some(Read& read, int flags);
    int zero_span(const Span& span, bool unmap);

    std::vector<Piece> pieces_;
    std::vector<int> files_; ///< Each once.
    std::uint64_t size_ = 0;
    std::vector<iovec> scratch_;
};

} // namespace msb::device
