// Locks of files, which hold among the guests and the host.
#include "device/fs/passthrough.hpp"

#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <sys/file.h>

namespace msb::device {

namespace {

/// For how long after its last answer a guest may use attributes in its kernel: they hold until the
/// second tick of its clock, which has 100 a second.
constexpr auto attributes_end = std::chrono::milliseconds(30);

int to_range(const fuse_file_lock& lock, struct flock& range) {
    constexpr auto last = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
    if (lock.start > lock.end || lock.end > last)
        return EINVAL;
    if (lock.type != F_RDLCK && lock.type != F_WRLCK && lock.type != F_UNLCK)
        return EINVAL;
    range = {};
    range.l_type = static_cast<short>(lock.type);
    range.l_whence = SEEK_SET;
    range.l_start = static_cast<off_t>(lock.start);
    range.l_len = lock.end == last ? 0 : static_cast<off_t>(lock.end - lock.start + 1);
    return 0;
}

} // namespace

/// What a holder of the lock did is seen by the next one only if no attributes are in use that are
/// older. From the first lock on none may be kept, and those that are out have to end first.
bool Passthrough::may_lock(Inode& node) {
    const auto now = std::chrono::steady_clock::now();
    if (!node.locked)
        node.lockable = options_.cached ? now : now + attributes_end;
    node.locked = true;
    return now >= node.lockable;
}

int Passthrough::run(const fuse::SetLock& in, Inode& node, Caller, FuseReply&) {
    const Handle* const handle = file(in.handle);
    if (handle == nullptr || handle->inode->id != node.id)
        return EBADF;
    const bool exclusive = in.lock.type == F_WRLCK;
    if (options_.read_only && exclusive)
        return EROFS; // it would keep the host from changing what is its own
    if (in.lock.type != F_UNLCK && !may_lock(node))
        return later;
    int error = 0;
    if (in.whole_file) {
        const int operation = in.lock.type == F_UNLCK ? LOCK_UN : exclusive ? LOCK_EX : LOCK_SH;
        error = ::flock(handle->fd.get(), operation | LOCK_NB) == 0 ? 0 : errno;
    } else {
        if (exclusive && !handle->writable)
            return EBADF;
        struct flock range{};
        error = to_range(in.lock, range);
        if (error == 0)
            error = locks_.set({node.id, in.owner}, in.handle, range,
                               [&] { return open_for_locks(node); });
    }
    return error == EAGAIN && in.wait ? later : error;
}

/// As other descriptors of the owner may have been opened, or -errno.
int Passthrough::open_for_locks(Inode& node) {
    const Fd path = table_.descriptor(node);
    if (!path)
        return -path.error();
    for (const int flags : {O_RDWR, O_RDONLY, O_WRONLY})
        if (const Fd opened = reopen(*path, node, flags))
            return *opened;
    return -ENOLCK;
}

int Passthrough::run(const fuse::GetLock& in, Inode& node, Caller, FuseReply& reply) {
    const Handle* const handle = file(in.handle);
    if (handle == nullptr || handle->inode->id != node.id)
        return EBADF;
    struct flock range{};
    if (const int error = to_range(in.lock, range); error != 0)
        return error;
    if (const int error = locks_.test({node.id, in.owner}, handle->fd.get(), range); error != 0)
        return error;
    fuse_lk_out out{};
    out.lk.type = static_cast<std::uint32_t>(range.l_type);
    out.lk.start = static_cast<std::uint64_t>(range.l_start);
    out.lk.end = static_cast<std::uint64_t>(range.l_len == 0 ? std::numeric_limits<off_t>::max()
                                                             : range.l_start + range.l_len - 1);
    reply.append(out); // without a process: its number is one of the host, or of another guest
    return 0;
}

/// A process closes one of its descriptors of a file, which gives up its locks on it (POSIX).
int Passthrough::run(const fuse::Flush& in, Inode& node, Caller, FuseReply&) {
    locks_.drop({node.id, in.owner});
    return 0;
}

} // namespace msb::device
