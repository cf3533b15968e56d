#include "sandbox/volumes/disk_lock.hpp"

#include "base/system.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

namespace msb {

Result<OwnedFd> lock_disk(const Home& home, int disk, const std::string& path, bool read_only) {
    const struct stat info = MSB_TRY(sys::fstat(disk));
    const std::string lock_path =
        fmt::format("{}/run/locks/disk-{:x}-{:x}.lock", home.root(), info.st_dev, info.st_ino);
    OwnedFd lock = MSB_TRY(sys::open(lock_path, O_RDWR | O_CREAT, 0600));
    for (const int fd : {lock.get(), disk})
        if (::flock(fd, (read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) == -1) {
            if (errno != EWOULDBLOCK)
                return fail_errno("flock", path);
            return fail(
                Error(ErrorKind::busy, "disk '" + path + "' is in use by another sandbox")
                    .with_hint("several sandboxes can mount one disk if all do it with ro"));
        }
    return lock;
}

} // namespace msb
