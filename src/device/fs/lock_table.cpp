#include "device/fs/lock_table.hpp"

#include <cerrno>

namespace msb::device {

namespace {

bool is_everything(const struct flock& range) {
    return range.l_start == 0 && range.l_len == 0;
}

} // namespace

int LockTable::set(Owner owner, std::uint64_t handle, struct flock range,
                   const std::function<int()>& open) {
    auto found = files_.find(owner);
    if (range.l_type == F_UNLCK && (found == files_.end() || is_everything(range))) {
        drop(owner);
        return 0;
    }
    if (found == files_.end()) {
        if (files_.size() >= max_owners_)
            return ENOLCK;
        const int fd = open();
        if (fd < 0)
            return -fd;
        found = files_.emplace(owner, File{OwnedFd(fd), handle}).first;
    }
    found->second.handle = handle;
    return ::fcntl(found->second.fd.get(), F_OFD_SETLK, &range) == 0 ? 0 : errno;
}

int LockTable::test(Owner owner, int fd, struct flock& range) const {
    const auto found = files_.find(owner);
    if (found != files_.end())
        fd = found->second.fd.get();
    return ::fcntl(fd, F_OFD_GETLK, &range) == 0 ? 0 : errno;
}

void LockTable::drop_handle(std::uint64_t inode, std::uint64_t handle) {
    for (auto at = files_.lower_bound({inode, 0}); at != files_.end() && at->first.inode == inode;)
        at = at->second.handle == handle ? files_.erase(at) : std::next(at);
}

} // namespace msb::device
