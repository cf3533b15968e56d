#include "disk/sparse_copy.hpp"

#include "base/system.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace msb::disk {

namespace {

/// What is copied between two looks at the watch: a few milliseconds of work.
constexpr std::uint64_t step = std::uint64_t{16} << 20;

/// Not every pair of files can be copied by the kernel; then nothing of this piece was.
bool kernel_cannot(int error) {
    return error == EXDEV || error == EINVAL || error == ENOSYS || error == EOPNOTSUPP;
}

Status copy_by_hand(int from, int to, const Extent& piece) {
    Bytes buffer(std::size_t{1} << 20);
    for (std::uint64_t at = piece.begin; at < piece.end;) {
        const auto count =
            static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), piece.end - at));
        const MutableBytesView part(buffer.data(), count);
        MSB_TRY(sys::pread_all(from, part, at));
        MSB_TRY(sys::pwrite_all(to, part, at));
        at += count;
    }
    return {};
}

Status copy_piece(int from, int to, const Extent& piece) {
    auto source = static_cast<off_t>(piece.begin);
    auto target = source;
    while (static_cast<std::uint64_t>(source) < piece.end) {
        const auto left = static_cast<std::size_t>(piece.end - static_cast<std::uint64_t>(source));
        const ssize_t count = ::copy_file_range(from, &source, to, &target, left, 0);
        if (count == 0)
            return fail(ErrorKind::corrupt, "the file became shorter while it was copied");
        if (count == -1 && kernel_cannot(errno))
            return copy_by_hand(from, to, {static_cast<std::uint64_t>(source), piece.end});
        if (count == -1 && errno != EINTR)
            return fail_errno("copy_file_range");
    }
    return {};
}

} // namespace

Result<std::optional<Extent>> next_extent(int fd, std::uint64_t position, std::uint64_t size) {
    if (position >= size)
        return std::nullopt;
    const off_t data = ::lseek(fd, static_cast<off_t>(position), SEEK_DATA);
    if (data == -1 && errno == ENXIO)
        return std::nullopt;
    if (data == -1 && errno != EINVAL)
        return fail_errno("lseek");
    if (data == -1) // no notion of holes
        return Extent{position, size};
    const off_t hole = ::lseek(fd, data, SEEK_HOLE);
    if (hole == -1)
        return fail_errno("lseek");
    const Extent extent{static_cast<std::uint64_t>(data),
                        std::min(static_cast<std::uint64_t>(hole), size)};
    return extent.begin < size ? std::optional(extent) : std::nullopt;
}

bool can_share(int from, int to) {
    return ::ioctl(to, FICLONE, from) == 0 && sys::truncate(to, 0);
}

namespace {

Status copy_data(int from, int to, const Watch& watch) {
    const struct stat info = MSB_TRY(sys::fstat(from));
    const auto size = static_cast<std::uint64_t>(info.st_size);
    const auto total = std::min(size, static_cast<std::uint64_t>(info.st_blocks) * 512);
    MSB_TRY(sys::truncate(to, size));
    std::uint64_t done = 0;
    for (std::uint64_t position = 0;;) {
        const auto extent = MSB_TRY(next_extent(from, position, size));
        if (!extent)
            return {};
        const Extent piece{extent->begin, std::min(extent->end, extent->begin + step)};
        MSB_TRY(copy_piece(from, to, piece));
        position = piece.end;
        done += piece.end - piece.begin;
        if (watch && watch(done, std::max(done, total)))
            return fail(ErrorKind::cancelled, "cancelled");
    }
}

} // namespace

Status copy_sparse(int from, int to, const Watch& watch) {
    if (::ioctl(to, FICLONE, from) == 0)
        return {};
    return copy_data(from, to, watch);
}

Status clone_file(const std::string& from, const std::string& to, std::uint64_t size,
                  Sharing sharing) {
    const OwnedFd source = MSB_TRY(sys::open(from, O_RDONLY));
    const OwnedFd target = MSB_TRY(sys::open(to, O_RDWR | O_CREAT | O_EXCL, 0600));
    Status copied;
    if (sharing == Sharing::required && !can_share(source.get(), target.get()))
        copied = fail(ErrorKind::unsupported,
                      "the file system of '" + to + "' cannot share blocks between files");
    else
        copied = sharing == Sharing::never ? copy_data(source.get(), target.get(), {})
                                           : copy_sparse(source.get(), target.get());
    if (copied && static_cast<std::uint64_t>(MSB_TRY(sys::fstat(target.get())).st_size) < size)
        copied = sys::truncate(target.get(), size);
    if (!copied)
        (void)sys::unlink(to);
    return copied;
}

} // namespace msb::disk
