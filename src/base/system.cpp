#include "base/system.hpp"

#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace msb {

void OwnedFd::reset() {
    // EINTR from close() leaves the descriptor closed on Linux, so there is nothing to retry.
    if (fd_ >= 0)
        ::close(std::exchange(fd_, -1));
}

} // namespace msb

namespace msb::sys {

namespace {

template <typename Call> auto retry(Call call) {
    for (;;) {
        auto result = call();
        if (result != -1 || errno != EINTR)
            return result;
    }
}

Status check(int result, std::string_view call, std::string_view object = {}) {
    if (result == -1)
        return fail_errno(call, object);
    return {};
}

/// A short alias of `path` that fits sockaddr_un; `dir` keeps the alias alive.
Result<std::string> socket_alias(const std::string& path, OwnedFd& dir) {
    if (path.size() < sizeof(sockaddr_un::sun_path))
        return path;
    const auto slash = path.rfind('/');
    if (slash == std::string::npos)
        return fail(ErrorKind::limit_exceeded,
                    "socket name '" + path + "' is longer than 107 bytes");
    dir = MSB_TRY(open(path.substr(0, slash), O_PATH | O_DIRECTORY));
    std::string alias = "/proc/self/fd/" + std::to_string(dir.get()) + path.substr(slash);
    if (alias.size() >= sizeof(sockaddr_un::sun_path))
        return fail(ErrorKind::limit_exceeded,
                    "socket name '" + path + "' is longer than 80 bytes");
    return alias;
}

Result<sockaddr_un> socket_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
}

Result<OwnedFd> unix_socket() {
    OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd)
        return fail_errno("socket");
    return fd;
}

} // namespace

Result<OwnedFd> open(const std::string& path, int flags, mode_t mode) {
    return open_at(AT_FDCWD, path, flags, mode);
}

Result<OwnedFd> open_at(int dir_fd, const std::string& path, int flags, mode_t mode) {
    OwnedFd fd(retry([&] { return ::openat(dir_fd, path.c_str(), flags | O_CLOEXEC, mode); }));
    if (!fd)
        return fail_errno("open", path);
    return fd;
}

Result<OwnedFd> dup(int fd, int at_least) {
    OwnedFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, at_least));
    if (!copy)
        return fail_errno("fcntl(F_DUPFD)");
    return copy;
}

Result<std::size_t> read(int fd, MutableBytesView buffer) {
    const ssize_t count = retry([&] { return ::read(fd, buffer.data(), buffer.size()); });
    if (count < 0)
        return fail_errno("read");
    return static_cast<std::size_t>(count);
}

Result<std::size_t> write(int fd, BytesView data) {
    const ssize_t count = retry([&] { return ::write(fd, data.data(), data.size()); });
    if (count < 0)
        return fail_errno("write");
    return static_cast<std::size_t>(count);
}

Status write_all(int fd, BytesView data) {
    while (!data.empty())
        data = data.subspan(MSB_TRY(write(fd, data)));
    return {};
}

Status pread_all(int fd, MutableBytesView buffer, std::uint64_t offset) {
    while (!buffer.empty()) {
        const ssize_t count = retry(
            [&] { return ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(offset)); });
        if (count < 0)
            return fail_errno("pread");
        if (count == 0)
            return fail(ErrorKind::corrupt,
                        "pread: file ends before offset " + std::to_string(offset + buffer.size()));
        buffer = buffer.subspan(static_cast<std::size_t>(count));
        offset += static_cast<std::uint64_t>(count);
    }
    return {};
}

Status pwrite_all(int fd, BytesView data, std::uint64_t offset) {
    while (!data.empty()) {
        const ssize_t count = retry(
            [&] { return ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset)); });
        if (count < 0)
            return fail_errno("pwrite");
        data = data.subspan(static_cast<std::size_t>(count));
        offset += static_cast<std::uint64_t>(count);
    }
    return {};
}

Result<struct stat> stat(const std::string& path) {
    struct stat info{};
    MSB_TRY(check(::stat(path.c_str(), &info), "stat", path));
    return info;
}

Result<struct stat> lstat(const std::string& path) {
    struct stat info{};
    MSB_TRY(check(::lstat(path.c_str(), &info), "lstat", path));
    return info;
}

Result<struct stat> fstat(int fd) {
    struct stat info{};
    MSB_TRY(check(::fstat(fd, &info), "fstat"));
    return info;
}

Result<std::string> path_of(int fd) {
    std::string path(PATH_MAX, '\0');
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t length = ::readlink(link.c_str(), path.data(), path.size());
    if (length < 0)
        return fail_errno("readlink", link);
    path.resize(static_cast<std::size_t>(length));
    return path;
}

Status fsync(int fd, const std::string& path) {
    return check(retry([&] { return ::fsync(fd); }), "fsync", path);
}

Status rename(const std::string& from, const std::string& to) {
    return check(::rename(from.c_str(), to.c_str()), "rename", from + " -> " + to);
}

Status unlink(const std::string& path) {
    if (::unlink(path.c_str()) == -1 && errno != ENOENT)
        return fail_errno("unlink", path);
    return {};
}

Status truncate(int fd, std::uint64_t size) {
    return check(retry([&] { return ::ftruncate(fd, static_cast<off_t>(size)); }), "ftruncate");
}

Result<std::array<OwnedFd, 2>> pipe(int flags) {
    int fds[2];
    MSB_TRY(check(::pipe2(fds, flags | O_CLOEXEC), "pipe2"));
    return std::array<OwnedFd, 2>{OwnedFd(fds[0]), OwnedFd(fds[1])};
}

Result<std::array<OwnedFd, 2>> socket_pair(int type) {
    int fds[2];
    MSB_TRY(check(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), "socketpair"));
    return std::array<OwnedFd, 2>{OwnedFd(fds[0]), OwnedFd(fds[1])};
}

Result<OwnedFd> memfd(const std::string& name, BytesView data) {
    OwnedFd fd(::memfd_create(name.c_str(), MFD_CLOEXEC));
    if (!fd)
        return fail_errno("memfd_create", name);
    MSB_TRY(pwrite_all(fd.get(), data, 0));
    return fd;
}

Result<OwnedFd> event_fd(unsigned initial) {
    OwnedFd fd(::eventfd(initial, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!fd)
        return fail_errno("eventfd");
    return fd;
}

Status set_nonblocking(int fd, bool on) {
    const int flags = ::fcntl(fd, F_GETFL);
    MSB_TRY(check(flags, "fcntl(F_GETFL)"));
    return check(::fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK),
                 "fcntl(F_SETFL)");
}

Status set_cloexec(int fd, bool on) {
    return check(::fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0), "fcntl(F_SETFD)");
}

Result<OwnedFd> unix_listen(const std::string& path, int backlog, mode_t mode) {
    OwnedFd dir;
    const std::string alias = MSB_TRY(socket_alias(path, dir));
    const sockaddr_un address = MSB_TRY(socket_address(alias));
    OwnedFd fd = MSB_TRY(unix_socket());
    MSB_TRY(unlink(path));
    MSB_TRY(check(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
                  "bind", path));
    // Between bind and listen nobody can connect, so setting the mode here is not a race.
    MSB_TRY(check(::chmod(alias.c_str(), mode), "chmod", path));
    MSB_TRY(check(::listen(fd.get(), backlog), "listen", path));
    return fd;
}

namespace {

/// SO_SNDTIMEO also bounds how long connect(2) waits for a full backlog (unix(7)).
Status set_send_timeout(int fd, std::chrono::milliseconds timeout) {
    const timeval value{static_cast<time_t>(timeout.count() / 1000),
                        static_cast<suseconds_t>(timeout.count() % 1000 * 1000)};
    return check(::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &value, sizeof(value)),
                 "setsockopt(SO_SNDTIMEO)");
}

} // namespace

Result<OwnedFd> unix_connect(const std::string& path, std::chrono::milliseconds timeout) {
    OwnedFd dir;
    const std::string alias = MSB_TRY(socket_alias(path, dir));
    const sockaddr_un address = MSB_TRY(socket_address(alias));
    OwnedFd fd = MSB_TRY(unix_socket());
    MSB_TRY(set_send_timeout(fd.get(), timeout));
    MSB_TRY(check(retry([&] {
                      return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address),
                                       sizeof(address));
                  }),
                  "connect", path));
    MSB_TRY(set_send_timeout(fd.get(), {}));
    return fd;
}

Result<bool> wait_for(int fd, short events, std::chrono::milliseconds timeout) {
    using clock = std::chrono::steady_clock;
    const auto deadline = clock::now() + timeout;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now());
        pollfd item{fd, events, 0};
        const int count =
            ::poll(&item, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
        if (count > 0)
            return true;
        if (count == 0)
            return false;
        if (errno != EINTR)
            return fail_errno("poll");
    }
}

Status lock_exclusive(int fd, std::chrono::milliseconds wait, const std::string& path) {
    using clock = std::chrono::steady_clock;
    const auto deadline = clock::now() + wait;
    for (;;) {
        if (retry([&] { return ::flock(fd, LOCK_EX | LOCK_NB); }) == 0)
            return {};
        if (errno != EWOULDBLOCK)
            return fail_errno("flock", path);
        if (clock::now() >= deadline)
            return fail(ErrorKind::busy, "'" + path + "' is locked");
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

Status lock_shared(int fd, const std::string& path) {
    if (retry([&] { return ::flock(fd, LOCK_SH | LOCK_NB); }) == 0)
        return {};
    if (errno == EWOULDBLOCK)
        return fail(ErrorKind::busy, "'" + path + "' is locked by another process");
    return fail_errno("flock", path);
}

} // namespace msb::sys
