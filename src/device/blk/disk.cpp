#include "device/blk/disk.hpp"

#include "base/bytes.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

namespace msb::device {

namespace {

bool not_supported(int error) {
    return error == EOPNOTSUPP || error == ENOSYS || error == ENODEV;
}

/// fallocate(2) as an errno value.
int allocate(int fd, int mode, std::int64_t offset, std::uint64_t length) {
    for (;;) {
        if (::fallocate(fd, mode, offset, static_cast<off_t>(length)) == 0)
            return 0;
        if (errno != EINTR)
            return errno;
    }
}

} // namespace

Result<Disk> Disk::create(const std::vector<Extent>& extents) {
    Disk disk;
    for (const Extent& extent : extents) {
        const auto file_end = checked_add(extent.file_offset, extent.length);
        const auto end = checked_add(disk.size_, extent.length);
        if (extent.fd < 0 || extent.length == 0 || extent.length % 512 != 0 || !file_end ||
            *file_end > static_cast<std::uint64_t>(INT64_MAX) || !end)
            return fail(ErrorKind::invalid_argument, "disk extent with an impossible range");
        disk.pieces_.push_back({extent.fd, disk.size_, extent.file_offset, extent.length});
        disk.size_ = *end;
        if (std::ranges::find(disk.files_, extent.fd) == disk.files_.end())
            disk.files_.push_back(extent.fd);
    }
    if (disk.pieces_.empty())
        return fail(ErrorKind::invalid_argument, "disk without extents");
    return disk;
}

void Disk::extend(std::uint64_t bytes) {
    pieces_.back().length += bytes;
    size_ += bytes;
}

Disk::Span Disk::locate(std::uint64_t offset, std::uint64_t length) {
    // The last piece that begins at or before the offset.
    const auto after = std::ranges::upper_bound(pieces_, offset, {}, &Piece::begin);
    Piece& piece = *std::prev(after);
    const std::uint64_t inside = offset - piece.begin;
    return {&piece, static_cast<std::int64_t>(piece.file_offset + inside),
            std::min(length, piece.length - inside)};
}

/// One preadv2(2); moves `read` on by what it got.
int Disk::read_some(Read& read, int flags) {
    const Span span = locate(read.offset, read.into.remaining());
    virtio::Cursor rest = read.into;
    rest.take(span.length, scratch_);
    const ssize_t got = ::preadv2(span.piece->fd, scratch_.data(),
                                  static_cast<int>(scratch_.size()), span.file_offset, flags);
    if (got < 0)
        return errno == EINTR ? 0 : errno;
    if (got == 0)
        return EIO; // the file is shorter than its extent
    const auto count = static_cast<std::uint64_t>(got);
    if (count == span.length)
        read.into = rest;
    else
        read.into.skip(count);
    read.offset += count;
    return 0;
}

int Disk::read_cached(Read& read) {
    while (read.into.remaining() > 0) {
        Piece& piece = *locate(read.offset, 1).piece;
        const int error = read_some(read, piece.can_try ? RWF_NOWAIT : 0);
        if (piece.can_try && not_supported(error))
            piece.can_try = false;
        else if (error != 0)
            return error;
    }
    return 0;
}

void Disk::announce(const Read& read) {
    std::uint64_t offset = read.offset;
    std::uint64_t left = read.into.remaining();
    while (left > 0) {
        const Span span = locate(offset, left);
        ::posix_fadvise(span.piece->fd, span.file_offset, static_cast<off_t>(span.length),
                        POSIX_FADV_WILLNEED);
        offset += span.length;
        left -= span.length;
    }
}

int Disk::read_waiting(Read& read) {
    while (read.into.remaining() > 0)
        if (const int error = read_some(read, 0); error != 0)
            return error;
    return 0;
}

int Disk::write(std::uint64_t offset, virtio::Cursor from) {
    while (from.remaining() > 0) {
        const Span span = locate(offset, from.remaining());
        virtio::Cursor rest = from;
        rest.take(span.length, scratch_);
        const ssize_t put = ::pwritev(span.piece->fd, scratch_.data(),
                                      static_cast<int>(scratch_.size()), span.file_offset);
        if (put < 0 && errno != EINTR)
            return errno;
        const auto count = static_cast<std::uint64_t>(std::max<ssize_t>(put, 0));
        from.skip(count);
        offset += count;
    }
    return 0;
}

int Disk::flush() {
    int first_error = 0;
    for (const int fd : files_)
        if (::fdatasync(fd) == -1 && first_error == 0)
            first_error = errno;
    return first_error;
}

int Disk::discard(std::uint64_t offset, std::uint64_t length) {
    while (length > 0) {
        const Span span = locate(offset, length);
        const int error = allocate(span.piece->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                   span.file_offset, span.length);
        if (error != 0 && !not_supported(error))
            return error;
        offset += span.length;
        length -= span.length;
    }
    return 0;
}

int Disk::zero_span(const Span& span, bool unmap) {
    int error = EOPNOTSUPP;
    if (unmap)
        error = allocate(span.piece->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                         span.file_offset, span.length);
    if (not_supported(error))
        error = allocate(span.piece->fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
                         span.file_offset, span.length);
    if (!not_supported(error))
        return error;
    static constexpr std::array<std::uint8_t, 64 << 10> zeroes{};
    for (std::uint64_t done = 0; done < span.length;) {
        const auto step = std::min<std::uint64_t>(zeroes.size(), span.length - done);
        const ssize_t put = ::pwrite(span.piece->fd, zeroes.data(), step,
                                     span.file_offset + static_cast<std::int64_t>(done));
        if (put < 0 && errno != EINTR)
            return errno;
        done += static_cast<std::uint64_t>(std::max<ssize_t>(put, 0));
    }
    return 0;
}

int Disk::write_zeroes(std::uint64_t offset, std::uint64_t length, bool unmap) {
    while (length > 0) {
        const Span span = locate(offset, length);
        if (const int error = zero_span(span, unmap); error != 0)
            return error;
        offset += span.length;
        length -= span.length;
    }
    return 0;
}

} // namespace msb::device
