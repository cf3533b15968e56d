// A copy inside the guest: by the kernel where it can, and without writing what is a hole.
#include "agent/files/ops.hpp"
#include "base/system.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace msb::agent {

namespace {

constexpr off_t kernel_step = off_t{8} << 20; ///< between looks at the cancellation
constexpr off_t everything = std::numeric_limits<off_t>::max();

class Copier {
  public:
    Copier(int from, int to, const Cancellation& cancellation)
        : from_(from), to_(to), cancellation_(cancellation) {}

    /// From the beginning of both files.
    Status copy(bool may_have_holes);

  private:
    Result<bool> copy_data(off_t size);
    Status extend_to(off_t position);

    int from_;
    int to_;
    const Cancellation& cancellation_;
    bool in_kernel_ = true;
    Bytes buffer_;
};

Status Copier::copy(bool may_have_holes) {
    off_t position = 0;
    while (may_have_holes) {
        const off_t data = ::lseek(from_, position, SEEK_DATA);
        if (data == -1 && errno != ENXIO)
            break; // a file system that does not know holes
        const off_t hole = data == -1 ? -1 : ::lseek(from_, data, SEEK_HOLE);
        if (hole == -1) // nothing but a hole is left; or the file was cut just now
            return extend_to(position);
        if (::lseek(from_, data, SEEK_SET) == -1 || ::lseek(to_, data, SEEK_SET) == -1)
            return fail_errno("seek");
        if (!MSB_TRY(copy_data(hole - data)))
            return {}; // shorter than its size says (/sys), or cut
        position = hole;
    }
    MSB_TRY(copy_data(everything));
    return {};
}

/// As much from where both files stand; false if there was less.
Result<bool> Copier::copy_data(off_t size) {
    while (size > 0) {
        MSB_TRY(cancellation_.check());
        ssize_t count = -1;
        if (in_kernel_) {
            const auto step = static_cast<std::size_t>(std::min(size, kernel_step));
            count = ::copy_file_range(from_, nullptr, to_, nullptr, step, 0);
            if (count == -1 && errno == EINTR)
                continue;
        }
        if (count <= 0) {
            // Not between these file systems, or a file that is not what its size says (/proc).
            in_kernel_ = false;
            buffer_.resize(StreamQueue::chunk);
            const auto room =
                static_cast<std::size_t>(std::min(size, static_cast<off_t>(buffer_.size())));
            count = ::read(from_, buffer_.data(), room);
            if (count == -1 && errno == EINTR)
                continue;
            if (count == -1)
                return fail_errno("read");
            if (count == 0)
                return false;
            MSB_TRY(sys::write_all(to_, BytesView(buffer_).first(static_cast<std::size_t>(count))));
        }
        size -= count;
    }
    return true;
}

/// The hole at the end.
Status Copier::extend_to(off_t position) {
    const off_t size = MSB_TRY(sys::fstat(from_)).st_size;
    if (size > position)
        MSB_TRY(sys::truncate(to_, static_cast<std::uint64_t>(size)));
    return {};
}

} // namespace

Status copy_file(const wire::FsCopy& op, const Cancellation& cancellation) {
    constexpr int safe = O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    const OwnedFd from(::open(op.src.c_str(), O_RDONLY | safe));
    if (!from)
        return fail_errno("open", op.src);
    const auto source = MSB_TRY(sys::fstat(from.get()));
    if (!S_ISREG(source.st_mode))
        return fail(Error::from_errno(S_ISDIR(source.st_mode) ? EISDIR : EINVAL, "copy", op.src));
    const OwnedFd to(::open(op.dst.c_str(), O_WRONLY | O_CREAT | safe, 0600));
    if (!to)
        return fail_errno("open", op.dst);
    const auto target = MSB_TRY(sys::fstat(to.get()));
    if (!S_ISREG(target.st_mode) ||
        (target.st_dev == source.st_dev && target.st_ino == source.st_ino))
        return fail(Error::from_errno(EINVAL, "copy to", op.dst));
    MSB_TRY(sys::truncate(to.get(), 0));
    if (::ioctl(to.get(), FICLONE, from.get()) == -1)
        MSB_TRY(Copier(from.get(), to.get(), cancellation).copy(source.st_size > 0));
    if (::fchmod(to.get(), source.st_mode & 07777) == -1)
        return fail_errno("chmod", op.dst);
    return {};
}

} // namespace msb::agent
