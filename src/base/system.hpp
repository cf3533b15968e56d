// One wrapper per system call: retries EINTR, owns what it returns, names itself in its error.
#pragma once

#include "base/bytes.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <sys/stat.h>
#include <sys/types.h>

namespace msb::sys {

/// All descriptors are opened close-on-exec.
Result<OwnedFd> open(const std::string& path, int flags, mode_t mode = 0644);
Result<OwnedFd> open_at(int dir_fd, const std::string& path, int flags, mode_t mode = 0644);
/// Duplicates close-on-exec, to a number >= `at_least`.
Result<OwnedFd> dup(int fd, int at_least = 0);

/// Reads at most buffer.size() bytes; 0 is end of file.
Result<std::size_t> read(int fd, MutableBytesView buffer);
Result<std::size_t> write(int fd, BytesView data);
/// Loops until everything is written.
Status write_all(int fd, BytesView data);
/// Loops until the buffer is full; a short file is ErrorKind::corrupt.
Status pread_all(int fd, MutableBytesView buffer, std::uint64_t offset);
Status pwrite_all(int fd, BytesView data, std::uint64_t offset);

Result<struct stat> stat(const std::string& path);
Result<struct stat> lstat(const std::string& path);
Result<struct stat> fstat(int fd);
/// Where a descriptor leads, without links. Needs /proc.
Result<std::string> path_of(int fd);
Status fsync(int fd, const std::string& path = {});
Status rename(const std::string& from, const std::string& to);
/// An absent file is not an error.
Status unlink(const std::string& path);
Status truncate(int fd, std::uint64_t size);

/// {read end, write end}, close-on-exec.
Result<std::array<OwnedFd, 2>> pipe(int flags = 0);
Result<std::array<OwnedFd, 2>> socket_pair(int type);
/// An anonymous file holding `data`, at offset 0.
Result<OwnedFd> memfd(const std::string& name, BytesView data = {});
Result<OwnedFd> event_fd(unsigned initial = 0);
Status set_nonblocking(int fd, bool on = true);
Status set_cloexec(int fd, bool on = true);

/// Stream sockets in the file system. A path that does not fit sockaddr_un (107 bytes) is reached
/// through /proc/self/fd of its directory, so MSB_HOME may have any length.
Result<OwnedFd> unix_listen(const std::string& path, int backlog, mode_t mode = 0600);
/// `timeout` bounds the wait for room in the listener's backlog, then EAGAIN; zero waits for ever.
Result<OwnedFd> unix_connect(const std::string& path, std::chrono::milliseconds timeout = {});

/// poll(2) for one descriptor: true if ready, false on time-out.
Result<bool> wait_for(int fd, short events, std::chrono::milliseconds timeout);

/// flock(2). `busy` if another open file description holds it and `wait` is zero or passes.
Status lock_exclusive(int fd, std::chrono::milliseconds wait, const std::string& path);
/// Beside others that only read; in place of the lock that `fd` had. Does not wait.
Status lock_shared(int fd, const std::string& path);

} // namespace msb::sys
