// Attributes, ordinary and extended.
#include "base/own_xattrs.hpp"
#include "device/fs/passthrough.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace msb::device {

namespace {

/// How long the guest may use an answer; changes on the host are seen after this time at the
/// latest.
constexpr std::uint64_t validity_seconds = 1;
constexpr std::uint32_t nobody = 65534;
constexpr std::size_t max_xattr_bytes = std::size_t{64} << 10;

std::uint32_t encode_device(dev_t device) {
    const std::uint32_t low = minor(device);
    return (low & 0xff) | (major(device) << 8) | ((low & ~0xffu) << 12);
}

/// chown(2): what a change of owner or content takes away.
std::uint32_t without_privileges(std::uint32_t mode) {
    mode &= ~std::uint32_t{S_ISUID};
    if ((mode & S_IXGRP) != 0)
        mode &= ~std::uint32_t{S_ISGID};
    return mode;
}

/// 0 if a guest may use an attribute of this name.
int check_xattr_name(std::string_view name, int refusal) {
    if (name.starts_with(own_xattr_prefix))
        return EACCES;
    // Attributes of other name spaces have a meaning on the host.
    return name.starts_with("user.") ? 0 : refusal;
}

} // namespace

std::optional<Metadata> Passthrough::stored_metadata(int fd, mode_t type) const {
    return options_.keep_metadata ? load_metadata(name_of(fd), type) : std::nullopt;
}

/// Without a record, the user's files belong to the guest's default user and all others to nobody.
Metadata Passthrough::metadata_of(int fd, const struct stat& info) const {
    if (const auto stored = stored_metadata(fd, info.st_mode & S_IFMT))
        return *stored;
    Metadata metadata{info.st_uid, info.st_gid, info.st_mode, encode_device(info.st_rdev)};
    if (options_.keep_metadata) {
        metadata.uid = info.st_uid == own_uid_ ? guest_user_.uid : nobody;
        metadata.gid = info.st_gid == own_gid_ ? guest_user_.gid : nobody;
    }
    return metadata;
}

fuse_attr Passthrough::attributes(const Inode& inode, int fd, const struct stat& info) const {
    const Metadata metadata = metadata_of(fd, info);
    fuse_attr attr{};
    attr.ino = inode.number;
    attr.size = is_special(metadata.mode) ? 0 : static_cast<std::uint64_t>(info.st_size);
    attr.blocks = static_cast<std::uint64_t>(info.st_blocks);
    attr.atime = static_cast<std::uint64_t>(info.st_atim.tv_sec);
    attr.mtime = static_cast<std::uint64_t>(info.st_mtim.tv_sec);
    attr.ctime = static_cast<std::uint64_t>(info.st_ctim.tv_sec);
    attr.atimensec = static_cast<std::uint32_t>(info.st_atim.tv_nsec);
    attr.mtimensec = static_cast<std::uint32_t>(info.st_mtim.tv_nsec);
    attr.ctimensec = static_cast<std::uint32_t>(info.st_ctim.tv_nsec);
    attr.mode = metadata.mode;
    attr.nlink = static_cast<std::uint32_t>(info.st_nlink);
    attr.uid = metadata.uid;
    attr.gid = metadata.gid;
    attr.rdev = metadata.rdev;
    attr.blksize = static_cast<std::uint32_t>(info.st_blksize);
    return attr;
}

fuse_entry_out Passthrough::entry(const Inode& inode, int fd, const struct stat& info) const {
    fuse_entry_out out{};
    out.nodeid = inode.id;
    out.entry_valid = validity_seconds;
    out.attr_valid = validity_seconds;
    out.attr = attributes(inode, fd, info);
    return out;
}

int Passthrough::run(const fuse::GetAttributes&, Inode& node, Caller, FuseReply& reply) {
    fuse_attr_out out{};
    out.attr_valid = validity_seconds;
    if (single_file() && table_.is_root(node)) {
        out.attr.mode = S_IFDIR | 0755;
        out.attr.nlink = 2;
        reply.append(out);
        return 0;
    }
    const Fd fd = table_.descriptor(node);
    if (!fd)
        return fd.error();
    struct stat info{};
    if (::fstat(*fd, &info) == -1)
        return errno;
    out.attr = attributes(node, *fd, info);
    reply.append(out);
    return 0;
}

int Passthrough::run(const fuse::SetAttributes& request, Inode& node, Caller caller,
                     FuseReply& reply) {
    const fuse_setattr_in& in = request.in;
    const Fd fd = table_.descriptor(node);
    if (!fd)
        return fd.error();
    struct stat info{};
    if (::fstat(*fd, &info) == -1)
        return errno;
    int error = 0;
    if ((in.valid & (FATTR_MODE | FATTR_UID | FATTR_GID)) != 0)
        error = set_owner_and_mode(*fd, info, in);
    if (error == 0 && (in.valid & FATTR_SIZE) != 0)
        error = set_size(node, *fd, in);
    if (error == 0 && (in.valid & (FATTR_ATIME | FATTR_MTIME)) != 0)
        error = set_times(*fd, in);
    return error != 0 ? error : run(fuse::GetAttributes{}, node, caller, reply);
}

int Passthrough::set_owner_and_mode(int fd, const struct stat& info, const fuse_setattr_in& in) {
    const Metadata before = metadata_of(fd, info);
    Metadata metadata = before;
    if ((in.valid & FATTR_UID) != 0)
        metadata.uid = in.uid;
    if ((in.valid & FATTR_GID) != 0)
        metadata.gid = in.gid;
    const bool owner = (in.valid & (FATTR_UID | FATTR_GID)) != 0;
    if ((in.valid & FATTR_MODE) != 0)
        metadata.mode = (metadata.mode & S_IFMT) | (in.mode & 07777);
    else if (owner && !S_ISDIR(metadata.mode))
        metadata.mode = without_privileges(metadata.mode);
    if (!options_.keep_metadata && (metadata.uid != before.uid || metadata.gid != before.gid))
        return EPERM;
    return keep(fd, metadata, info);
}

/// The mode on the host of a file that has `mode` in the guest.
mode_t Passthrough::host_mode(std::uint32_t mode) const {
    const mode_t bits = mode & 0777;
    if (!options_.keep_metadata)
        return S_ISDIR(mode) ? mode & 01777 : bits;
    const mode_t owner = S_ISDIR(mode) ? 0700 : 0600;
    return options_.mirror_modes && !is_special(mode) ? bits | owner : owner;
}

int Passthrough::keep(int fd, const Metadata& metadata, const struct stat& info) {
    if (S_ISLNK(info.st_mode))
        return 0; // a link has no mode, and its owner cannot be kept
    mode_t mode = metadata.mode & 0777;
    if (options_.keep_metadata) {
        const int error = store_metadata(name_of(fd), metadata);
        if (error == 0 && !options_.mirror_modes)
            return 0;
        if (error == 0)
            mode = host_mode(metadata.mode);
        else if (!has_no_metadata(error) || is_special(metadata.mode) != is_special(info.st_mode))
            return error;
    } else if (S_ISDIR(info.st_mode)) {
        mode = host_mode(metadata.mode);
    }
    if ((info.st_mode & 0777) == (mode & 0777) && (mode & 01000) == (info.st_mode & mode & 01000))
        return 0;
    return ::fchmodat(AT_FDCWD, name_of(fd).c_str(), mode, 0) == 0 ? 0 : errno;
}

int Passthrough::kill_privileges(int fd, mode_t type) {
    auto metadata = stored_metadata(fd, type);
    if (!metadata || without_privileges(metadata->mode) == metadata->mode)
        return 0;
    metadata->mode = without_privileges(metadata->mode);
    return store_metadata(name_of(fd), *metadata);
}

int Passthrough::set_size(Inode& node, int fd, const fuse_setattr_in& in) {
    OwnedFd opened;
    int file_fd = -1;
    if ((in.valid & FATTR_FH) != 0) {
        const Handle* const handle = file(in.fh);
        if (handle == nullptr || !handle->writable || handle->inode != node.id)
            return EBADF;
        file_fd = handle->fd.get();
    } else {
        const Fd again = reopen(fd, node, O_WRONLY);
        if (!again)
            return again.error();
        opened = OwnedFd(*again);
        file_fd = *again;
    }
    if ((in.valid & FATTR_KILL_SUIDGID) != 0)
        if (const int error = kill_privileges(file_fd, node.type); error != 0)
            return error;
    return ::ftruncate(file_fd, static_cast<off_t>(in.size)) == 0 ? 0 : errno;
}

int Passthrough::set_times(int fd, const fuse_setattr_in& in) {
    const auto time = [&in](std::uint32_t set, std::uint32_t now, std::uint64_t seconds,
                            std::uint32_t nanoseconds) -> timespec {
        if ((in.valid & set) == 0)
            return {0, UTIME_OMIT};
        if ((in.valid & now) != 0)
            return {0, UTIME_NOW};
        return {static_cast<time_t>(seconds), std::min<long>(nanoseconds, 999'999'999)};
    };
    const std::array<timespec, 2> times = {
        time(FATTR_ATIME, FATTR_ATIME_NOW, in.atime, in.atimensec),
        time(FATTR_MTIME, FATTR_MTIME_NOW, in.mtime, in.mtimensec)};
    return ::utimensat(fd, "", times.data(), AT_EMPTY_PATH) == 0 ? 0 : errno;
}

// ---- extended attributes ----

int Passthrough::run(const fuse::SetXattr& in, Inode& node, Caller, FuseReply&) {
    if (const int error = check_xattr_name(in.name, EOPNOTSUPP); error != 0)
        return error;
    if (in.value.size() > max_xattr_bytes)
        return E2BIG;
    const Fd fd = table_.descriptor(node);
    if (!fd)
        return fd.error();
    return ::setxattr(name_of(*fd).c_str(), std::string(in.name).c_str(), in.value.data(),
                      in.value.size(), static_cast<int>(in.flags)) == 0
               ? 0
               : errno;
}

int Passthrough::run(const fuse::RemoveXattr& in, Inode& node, Caller, FuseReply&) {
    if (const int error = check_xattr_name(in.name, EOPNOTSUPP); error != 0)
        return error;
    const Fd fd = table_.descriptor(node);
    if (!fd)
        return fd.error();
    return ::removexattr(name_of(*fd).c_str(), std::string(in.name).c_str()) == 0 ? 0 : errno;
}

int Passthrough::run(const fuse::GetXattr& in, Inode& node, Caller, FuseReply& reply) {
    if (const int error = check_xattr_name(in.name, ENODATA); error != 0)
        return error;
    const Fd fd = table_.descriptor(node);
    if (!fd)
        return fd.error();
    Bytes value(std::min<std::size_t>(in.size, max_xattr_bytes));
    const ssize_t size =
        ::getxattr(name_of(*fd).c_str(), std::string(in.name).c_str(), value.data(), value.size());
    if (size < 0)
        return errno;
    if (in.size == 0) {
        reply.append(fuse_getxattr_out{static_cast<std::uint32_t>(size), 0});
        return 0;
    }
    value.resize(static_cast<std::size_t>(size));
    reply.body = std::move(value);
    return 0;
}

int Passthrough::run(const fuse::ListXattr& in, Inode& node, Caller, FuseReply& reply) {
    const Fd fd = table_.descriptor(node);
    if (!fd)
        return fd.error();
    std::string all(max_xattr_bytes, '\0');
    const ssize_t size = ::listxattr(name_of(*fd).c_str(), all.data(), all.size());
    if (size < 0)
        return errno == EOPNOTSUPP ? 0 : errno;
    all.resize(static_cast<std::size_t>(size));
    std::string names;
    for (std::size_t at = 0; at < all.size();) {
        const std::string_view name = all.c_str() + at;
        at += name.size() + 1;
        if (check_xattr_name(name, ENODATA) == 0)
            names.append(name).push_back('\0');
    }
    if (in.size == 0) {
        reply.append(fuse_getxattr_out{static_cast<std::uint32_t>(names.size()), 0});
        return 0;
    }
    if (names.size() > in.size)
        return ERANGE;
    const BytesView bytes = as_bytes(names);
    reply.body.assign(bytes.begin(), bytes.end());
    return 0;
}

} // namespace msb::device
