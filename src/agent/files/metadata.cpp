// The operations that are one request and one answer.
#include "agent/files/ops.hpp"
#include "base/file.hpp"
#include "base/system.hpp"
#include "wire/frame.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace msb::agent {

namespace {

constexpr std::size_t default_page = 128;
constexpr std::size_t max_page = 4096;
/// Room for the envelope and the fields around a list.
constexpr std::size_t max_answer = wire::max_frame_length - 4096;
constexpr std::size_t max_list = 131'072;   ///< elements that receivers accept
constexpr std::size_t entry_overhead = 400; ///< encoded, without its path; more than it ever is
constexpr std::size_t max_xattr = std::size_t{64} << 10;

template <typename... T> struct Overload : T... {
    using T::operator()...;
};

wire::FsEntryKind kind_of(mode_t mode) {
    if (S_ISREG(mode))
        return wire::FsEntryKind::file;
    if (S_ISDIR(mode))
        return wire::FsEntryKind::dir;
    return S_ISLNK(mode) ? wire::FsEntryKind::symlink : wire::FsEntryKind::other;
}

std::uint32_t nanoseconds(const timespec& time) {
    return static_cast<std::uint32_t>(time.tv_nsec);
}

std::string join(const std::string& directory, std::string_view name) {
    std::string path = directory;
    if (!path.ends_with('/'))
        path += '/';
    return path.append(name);
}

template <typename T> FileResult answer(T value) {
    return std::optional<wire::FsResponseData>(std::move(value));
}

/// As one operation after the other reports: 0 or an error with errno.
FileResult check(int result, const char* call, const std::string& path) {
    if (result == -1)
        return fail_errno(call, path);
    return done();
}

// --- attributes ---------------------------------------------------------------------------------

/// A file by name or by descriptor.
struct Target {
    int fd = -1;
    const std::string& path;
    bool follow = true;

    int flags() const { return follow ? 0 : AT_SYMLINK_NOFOLLOW; }
};

int change_mode(const Target& target, mode_t mode) {
    if (target.fd >= 0)
        return ::fchmod(target.fd, mode);
    if (target.follow)
        return ::fchmodat(AT_FDCWD, target.path.c_str(), mode, 0);
    struct stat info{};
    if (::lstat(target.path.c_str(), &info) == -1)
        return -1;
    // The kernel has no mode for links.
    if (S_ISLNK(info.st_mode)) {
        errno = EOPNOTSUPP;
        return -1;
    }
    const OwnedFd fd(::open(target.path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!fd || ::fstat(fd.get(), &info) == -1)
        return -1;
    if (S_ISLNK(info.st_mode)) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return ::fchmodat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(fd.get())).c_str(), mode, 0);
}

Status change_size(const Target& target, std::uint64_t size) {
    const off_t length = MSB_TRY(to_offset(size));
    if (target.fd >= 0) {
        if (::ftruncate(target.fd, length) == -1)
            return fail_errno("truncate", target.path);
        return {};
    }
    struct stat info{};
    if (!target.follow && ::lstat(target.path.c_str(), &info) == 0 && S_ISLNK(info.st_mode))
        return fail(Error::from_errno(EINVAL, "truncate", target.path));
    if (::truncate(target.path.c_str(), length) == -1)
        return fail_errno("truncate", target.path);
    return {};
}

timespec new_time(const std::optional<std::int64_t>& seconds,
                  const std::optional<std::uint32_t>& nanos) {
    if (!seconds)
        return {0, UTIME_OMIT};
    return {*seconds, std::min(nanos.value_or(0), 999'999'999U)};
}

FileResult set_attributes(const Target& target, const wire::FsAttributes& attrs) {
    if (attrs.size)
        MSB_TRY(change_size(target, *attrs.size));
    if (attrs.uid || attrs.gid) {
        const uid_t uid = attrs.uid.value_or(static_cast<uid_t>(-1));
        const gid_t gid = attrs.gid.value_or(static_cast<gid_t>(-1));
        const int result =
            target.fd >= 0 ? ::fchown(target.fd, uid, gid)
                           : ::fchownat(AT_FDCWD, target.path.c_str(), uid, gid, target.flags());
        if (result == -1)
            return fail_errno("chown", target.path);
    }
    // Set the mode after the owner: changing the owner clears setuid bits.
    if (attrs.mode && change_mode(target, *attrs.mode & 07777) == -1)
        return fail_errno("chmod", target.path);
    if (attrs.atime || attrs.mtime) {
        const timespec times[2] = {new_time(attrs.atime, attrs.atime_nsec),
                                   new_time(attrs.mtime, attrs.mtime_nsec)};
        const int result = target.fd >= 0
                               ? ::futimens(target.fd, times)
                               : ::utimensat(AT_FDCWD, target.path.c_str(), times, target.flags());
        if (result == -1)
            return fail_errno("utimens", target.path);
    }
    return done();
}

FileResult stat_path(const wire::FsStat& op, bool extended) {
    struct stat info{};
    const int flags = (op.follow_symlink ? 0 : AT_SYMLINK_NOFOLLOW) | AT_NO_AUTOMOUNT;
    if (::fstatat(AT_FDCWD, op.path.c_str(), &info, flags) == -1)
        return fail_errno("stat", op.path);
    return answer(make_entry(op.path, info, extended));
}

// --- directories --------------------------------------------------------------------------------

/// The next entries of a directory, at most `limit` and at most one frame. `rest` says whether
/// there is more than fits.
Result<std::vector<wire::FsEntry>> read_entries(DIR* dir, const std::string& path,
                                                std::size_t limit, const FileWork& work,
                                                bool& rest) {
    std::vector<wire::FsEntry> entries;
    std::size_t size = 0;
    rest = false;
    while (entries.size() < limit) {
        MSB_TRY(work.cancellation.check());
        const long before = ::telldir(dir);
        errno = 0;
        const dirent* item = ::readdir(dir);
        if (item == nullptr && errno != 0)
            return fail_errno("readdir", path);
        if (item == nullptr)
            break;
        const std::string_view name = item->d_name;
        if (name == "." || name == "..")
            continue;
        struct stat info{};
        if (::fstatat(::dirfd(dir), item->d_name, &info, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) ==
            -1)
            continue; // removed meanwhile
        std::string entry_path = join(path, name);
        size += entry_path.size() + entry_overhead;
        if (size > max_answer) {
            ::seekdir(dir, before);
            rest = true;
            break;
        }
        entries.push_back(make_entry(std::move(entry_path), info, work.request.extended));
    }
    return entries;
}

Result<std::shared_ptr<OpenHandle>> open_directory(const std::string& path) {
    OwnedFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC));
    if (!fd)
        return fail_errno("open", path);
    auto handle = std::make_shared<OpenHandle>();
    handle->dir.reset(::fdopendir(fd.get()));
    if (!handle->dir)
        return fail_errno("fdopendir", path);
    (void)fd.release();
    handle->path = path;
    return handle;
}

FileResult list(const wire::FsList& op, const FileWork& work) {
    const auto handle = MSB_TRY(open_directory(op.path));
    bool rest = false;
    auto entries = MSB_TRY(read_entries(handle->dir.get(), op.path, max_list, work, rest));
    if (rest || entries.size() == max_list)
        return fail(Error::from_errno(EMSGSIZE, "'" + op.path +
                                                    "' has more entries than one answer holds; "
                                                    "read it in pages (OpenDir, ReadDir)")
                        .with_kind(ErrorKind::limit_exceeded));
    return answer(std::move(entries));
}

FileResult read_dir(const wire::FsReadDir& op, const FileWork& work) {
    const auto handle = MSB_TRY(work.handles.find(op.handle));
    if (!handle->dir)
        return fail(Error::from_errno(ENOTDIR, "readdir", handle->path));
    const std::size_t limit = std::clamp<std::size_t>(op.limit.value_or(default_page), 1, max_page);
    const std::lock_guard lock(handle->dir_mutex);
    bool rest = false;
    return answer(MSB_TRY(read_entries(handle->dir.get(), handle->path, limit, work, rest)));
}

FileResult make_dirs(const wire::FsMkdir& op) {
    if (op.path.empty())
        return fail(Error::from_errno(ENOENT, "mkdir", op.path));
    MSB_TRY(make_directories(op.path, op.mode.value_or(0777) & 07777));
    return done();
}

FileResult remove_dir(const wire::FsRemoveDir& op, const FileWork& work) {
    if (!op.recursive)
        return check(::rmdir(op.path.c_str()), "rmdir", op.path);
    MSB_TRY(remove_recursively(op.path, work.cancellation));
    return done();
}

// --- files --------------------------------------------------------------------------------------

Result<int> open_flags(const wire::FsOpenOptions& options) {
    const auto refuse = [](const char* why) {
        return fail(Error::from_errno(EINVAL, why).with_kind(ErrorKind::invalid_argument));
    };
    const bool writing = options.write || options.append;
    if (!options.read && !writing)
        return refuse("open options that neither read nor write");
    if (!writing && (options.create || options.create_new || options.truncate))
        return refuse("open options that create or truncate without writing");
    int flags = writing ? (options.read ? O_RDWR : O_WRONLY) : O_RDONLY;
    if (options.append)
        flags |= O_APPEND;
    if (options.create || options.create_new)
        flags |= O_CREAT;
    if (options.create_new)
        flags |= O_EXCL;
    if (options.truncate)
        flags |= O_TRUNC;
    // Opening or reading a FIFO or a device must not block us; streams poll instead.
    return flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
}

FileResult open_file(const wire::FsOpenFile& op, const FileWork& work) {
    auto handle = std::make_shared<OpenHandle>();
    const int flags = MSB_TRY(open_flags(op.options));
    handle->fd = OwnedFd(::open(op.path.c_str(), flags, op.options.mode.value_or(0666) & 07777));
    if (!handle->fd)
        return fail_errno("open", op.path);
    if (S_ISDIR(MSB_TRY(sys::fstat(handle->fd.get())).st_mode))
        return fail(Error::from_errno(EISDIR, "open", op.path));
    handle->path = op.path;
    handle->append = op.options.append;
    return answer(MSB_TRY(work.handles.add(std::move(handle))));
}

FileResult real_path(const wire::FsRealPath& op) {
    const std::unique_ptr<char, void (*)(void*)> resolved(::realpath(op.path.c_str(), nullptr),
                                                          ::free);
    if (!resolved)
        return fail_errno("realpath", op.path);
    return answer(std::string(resolved.get()));
}

FileResult read_link(const wire::FsReadLink& op) {
    std::string target(std::size_t{64} << 10, '\0'); // /proc's can be longer than PATH_MAX
    const ssize_t size = ::readlink(op.path.c_str(), target.data(), target.size());
    if (size == -1)
        return fail_errno("readlink", op.path);
    target.resize(static_cast<std::size_t>(size));
    return answer(std::move(target));
}

FileResult space(const wire::FsStatFs& op) {
    struct statvfs info{};
    if (::statvfs(op.path.c_str(), &info) == -1)
        return fail_errno("statfs", op.path);
    const auto unit = static_cast<std::uint64_t>(info.f_frsize);
    const auto bytes = [unit](std::uint64_t blocks) {
        return checked_mul(blocks, unit).value_or(UINT64_MAX);
    };
    wire::FsSpace space;
    space.total = bytes(info.f_blocks);
    space.free = bytes(info.f_bfree);
    space.available = bytes(info.f_bavail);
    space.inodes = info.f_files;
    space.inodes_free = info.f_ffree;
    space.block_size = static_cast<std::uint32_t>(info.f_bsize);
    space.name_max = static_cast<std::uint32_t>(info.f_namemax);
    space.read_only = (info.f_flag & ST_RDONLY) != 0;
    return answer(space);
}

// --- extended attributes ------------------------------------------------------------------------

FileResult get_xattr(const wire::FsGetXattr& op) {
    Bytes value(max_xattr);
    const auto get = op.follow_symlink ? ::getxattr : ::lgetxattr;
    const ssize_t size = get(op.path.c_str(), op.name.c_str(), value.data(), value.size());
    if (size == -1)
        return fail_errno("getxattr", op.path);
    value.resize(static_cast<std::size_t>(size));
    return answer(std::move(value));
}

FileResult set_xattr(const wire::FsSetXattr& op) {
    const int flags = (op.create_new ? XATTR_CREATE : 0) | (op.replace ? XATTR_REPLACE : 0);
    const auto set = op.follow_symlink ? ::setxattr : ::lsetxattr;
    return check(set(op.path.c_str(), op.name.c_str(), op.value.data(), op.value.size(), flags),
                 "setxattr", op.path);
}

FileResult list_xattr(const wire::FsListXattr& op) {
    std::string names(max_xattr, '\0');
    const auto list = op.follow_symlink ? ::listxattr : ::llistxattr;
    const ssize_t size = list(op.path.c_str(), names.data(), names.size());
    if (size == -1)
        return fail_errno("listxattr", op.path);
    std::vector<std::string> result;
    for (std::string_view rest(names.data(), static_cast<std::size_t>(size)); !rest.empty();) {
        const std::string_view name = rest.substr(0, rest.find('\0'));
        result.emplace_back(name);
        rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    }
    return answer(std::move(result));
}

FileResult remove_xattr(const wire::FsRemoveXattr& op) {
    const auto remove = op.follow_symlink ? ::removexattr : ::lremovexattr;
    return check(remove(op.path.c_str(), op.name.c_str()), "removexattr", op.path);
}

/// Every text of a request that becomes a system call's argument.
Status check_texts(const wire::FsOp& op) {
    return std::visit(
        [](const auto& o) -> Status {
            if constexpr (requires { o.path; })
                MSB_TRY(check_path(o.path));
            if constexpr (requires { o.src; }) {
                MSB_TRY(check_path(o.src));
                MSB_TRY(check_path(o.dst));
            }
            if constexpr (requires { o.target; }) {
                MSB_TRY(check_path(o.target));
                MSB_TRY(check_path(o.link_path));
            }
            if constexpr (requires { o.value; })
                MSB_TRY(check_path(o.name));
            return {};
        },
        op);
}

FileResult fsync_handle(const wire::FsFSync& op, const FileWork& work) {
    const auto handle = MSB_TRY(work.handles.find(op.handle));
    const int fd = handle->descriptor();
    return check(op.data_only ? ::fdatasync(fd) : ::fsync(fd), "fsync", handle->path);
}

FileResult stat_handle(const wire::FsFStat& op, const FileWork& work) {
    const auto handle = MSB_TRY(work.handles.find(op.handle));
    const auto info = MSB_TRY(sys::fstat(handle->descriptor()));
    return answer(make_entry(handle->path, info, work.request.extended));
}

FileResult set_stat_handle(const wire::FsFSetStat& op, const FileWork& work) {
    const auto handle = MSB_TRY(work.handles.find(op.handle));
    return set_attributes({handle->descriptor(), handle->path}, op.attrs);
}

} // namespace

wire::FsEntry make_entry(std::string path, const struct stat& info, bool extended) {
    wire::FsEntry entry;
    entry.path = std::move(path);
    entry.kind = kind_of(info.st_mode);
    entry.size = static_cast<std::uint64_t>(info.st_size);
    entry.mode = info.st_mode;
    entry.modified = info.st_mtim.tv_sec;
    entry.uid = info.st_uid;
    entry.gid = info.st_gid;
    entry.atime = info.st_atim.tv_sec;
    entry.mtime = info.st_mtim.tv_sec;
    if (extended) {
        entry.atime_nsec = nanoseconds(info.st_atim);
        entry.mtime_nsec = nanoseconds(info.st_mtim);
        entry.ctime = info.st_ctim.tv_sec;
        entry.ctime_nsec = nanoseconds(info.st_ctim);
        entry.inode = info.st_ino;
        entry.links = info.st_nlink;
        entry.allocated = static_cast<std::uint64_t>(info.st_blocks) * 512;
        if (S_ISBLK(info.st_mode) || S_ISCHR(info.st_mode))
            entry.device = info.st_rdev;
    }
    return entry;
}

FileResult operate(const FileWork& work) {
    MSB_TRY(check_texts(work.request.op));
    const bool extended = work.request.extended;
    return std::visit(
        Overload{
            [](const wire::FsRealPath& op) { return real_path(op); },
            [&](const wire::FsStat& op) { return stat_path(op, extended); },
            [](const wire::FsSetStat& op) {
                return set_attributes({-1, op.path, op.follow_symlink}, op.attrs);
            },
            [&](const wire::FsList& op) { return list(op, work); },
            [](const wire::FsReadLink& op) { return read_link(op); },
            [](const wire::FsSymlink& op) {
                return check(::symlink(op.target.c_str(), op.link_path.c_str()), "symlink",
                             op.link_path);
            },
            [](const wire::FsMkdir& op) { return make_dirs(op); },
            [](const wire::FsRemove& op) {
                return check(::unlink(op.path.c_str()), "unlink", op.path);
            },
            [&](const wire::FsRemoveDir& op) { return remove_dir(op, work); },
            [&](const wire::FsCopy& op) -> FileResult {
                MSB_TRY(copy_file(op, work.cancellation));
                return done();
            },
            [](const wire::FsRename& op) {
                return check(::rename(op.src.c_str(), op.dst.c_str()), "rename", op.src);
            },
            [&](const wire::FsOpenFile& op) { return open_file(op, work); },
            [&](const wire::FsOpenDir& op) -> FileResult {
                return answer(MSB_TRY(work.handles.add(MSB_TRY(open_directory(op.path)))));
            },
            [&](const wire::FsCloseHandle& op) -> FileResult {
                MSB_TRY(work.handles.remove(op.handle));
                return done();
            },
            [&](const wire::FsReadDir& op) { return read_dir(op, work); },
            [&](const wire::FsFStat& op) { return stat_handle(op, work); },
            [&](const wire::FsFSetStat& op) { return set_stat_handle(op, work); },
            [](const wire::FsGetXattr& op) { return get_xattr(op); },
            [](const wire::FsSetXattr& op) { return set_xattr(op); },
            [](const wire::FsListXattr& op) { return list_xattr(op); },
            [](const wire::FsRemoveXattr& op) { return remove_xattr(op); },
            [](const wire::FsLink& op) {
                return check(::link(op.src.c_str(), op.dst.c_str()), "link", op.dst);
            },
            [&](const wire::FsFSync& op) { return fsync_handle(op, work); },
            [](const wire::FsStatFs& op) { return space(op); },
            [](const wire::FsTruncate& op) -> FileResult {
                MSB_TRY(change_size({-1, op.path}, op.size));
                return done();
            },
            [](const auto&) -> FileResult { // streams are not for here
                return fail(ErrorKind::unsupported, "not an operation with one answer");
            },
        },
        work.request.op);
}

} // namespace msb::agent
