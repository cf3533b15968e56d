// Attributes, ordinary and extended.
#include "base/own_xattrs.hpp"
#include "device/fs/change_times.hpp"
#include "device/fs/passthrough.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace msb::device {

namespace {

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

bool is_executable(std::uint32_t mode) {
    return (mode & S_IXUSR) != 0;
}

/// `mode`, with execution allowed to whom reading is, or to nobody.
std::uint32_t with_execution(std::uint32_t mode, bool executable) {
    return executable ? mode | (mode & 0444) >> 2 : mode & ~std::uint32_t{0111};
}

/// If the host has changed the mode of a file since the guest did, that is the guest's as well;
/// what of it depends on what the host has of the guest's.
void take_over_host_mode(Metadata& metadata, mode_t host, bool all) {
    if (!metadata.host_mode || !S_ISREG(metadata.mode) || *metadata.host_mode == (host & 0777))
        return;
    if (all)
        metadata.mode = (metadata.mode & ~std::uint32_t{0777}) | (host & 0777);
    else if (is_executable(*metadata.host_mode) != is_executable(host))
        metadata.mode = with_execution(metadata.mode, is_executable(host));
}

/// 0 if a guest may use an attribute of this name.
int check_xattr_name(std::string_view name, int refusal) {
    if (name.starts_with(own_xattr_prefix))
        return EACCES;
    // Attributes of other name spaces have a meaning on the host.
    return name.starts_with("user.") ? 0 : refusal;
}

/// What an attribute takes; 0: there is none.
std::uint64_t xattr_size(const std::string& path, const std::string& name) {
    const ssize_t size = ::getxattr(path.c_str(), name.c_str(), nullptr, 0);
    return size < 0 ? 0 : name.size() + static_cast<std::uint64_t>(size);
}

} // namespace

std::optional<Metadata> Passthrough::stored_metadata(int fd, mode_t type) const {
    return options_.keep_metadata ? load_metadata(name_of(fd), type) : std::nullopt;
}

/// The same, without asking again for as long as the file has not changed.
std::optional<Metadata> Passthrough::remembered_metadata(Inode& inode, int fd,
                                                         const struct stat& info) const {
    if (inode.record_known && same_time(inode.recorded_change, info.st_ctim))
        return inode.recorded;
    inode.recorded = stored_metadata(fd, info.st_mode & S_IFMT);
    inode.recorded_change = info.st_ctim;
    inode.record_known = is_settled(info.st_ctim);
    return inode.recorded;
}

/// Without a record, the user's files belong to the guest's default user and all others to nobody.
Metadata Passthrough::metadata_of(Inode& inode, int fd, const struct stat& info) const {
    if (auto stored = remembered_metadata(inode, fd, info)) {
        take_over_host_mode(*stored, info.st_mode, options_.mirror_modes);
        return *stored;
    }
    Metadata metadata{info.st_uid, info.st_gid, info.st_mode, encode_device(info.st_rdev)};
    if (options_.keep_metadata) {
        metadata.uid = info.st_uid == own_uid_ ? guest_user_.uid : nobody;
        metadata.gid = info.st_gid == own_gid_ ? guest_user_.gid : nobody;
    }
    return metadata;
}

Passthrough::Validity Passthrough::names_validity() const {
    return {options_.cached ? 1U : 0U, 0};
}

/// Of a single file no name is looked up when it is opened, and what holds a lock wants to see what
/// others wrote who held it before.
Passthrough::Validity Passthrough::attributes_validity(const Inode& inode) const {
    if (options_.cached)
        return {1, 0};
    return {0, inode.locked || single_file() ? 0U : 1U};
}

fuse_attr Passthrough::attributes(Inode& inode, int fd, const struct stat& info) {
    const Metadata metadata = metadata_of(inode, fd, info);
    fuse_attr attr{};
    attr.ino = numbers_.shown(inode.device, inode.number).value_or(inode.number);
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

fuse_entry_out Passthrough::entry(Inode& inode, int fd, const struct stat& info) {
    fuse_entry_out out{};
    out.nodeid = inode.id;
    const Validity names = names_validity(), attributes_hold = attributes_validity(inode);
    out.entry_valid = names.seconds;
    out.entry_valid_nsec = names.nanoseconds;
    out.attr_valid = attributes_hold.seconds;
    out.attr_valid_nsec = attributes_hold.nanoseconds;
    out.attr = attributes(inode, fd, info);
    return out;
}

int Passthrough::run(const fuse::GetAttributes&, Inode& node, Caller, FuseReply& reply) {
    fuse_attr_out out{};
    const Validity validity = attributes_validity(node);
    out.attr_valid = validity.seconds;
    out.attr_valid_nsec = validity.nanoseconds;
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

/// Attributes as before, and the time of birth.
int Passthrough::run(const fuse::GetStatx&, Inode& node, Caller caller, FuseReply& reply) {
    if (const int error = run(fuse::GetAttributes{}, node, caller, reply); error != 0)
        return error;
    fuse_attr_out old{};
    std::memcpy(&old, reply.body.data(), sizeof(old));
    const fuse_attr& attr = old.attr;
    fuse::StatxOut out{};
    out.attr_valid = old.attr_valid;
    out.attr_valid_nsec = old.attr_valid_nsec;
    out.mask = STATX_BASIC_STATS;
    out.blksize = attr.blksize;
    out.nlink = attr.nlink;
    out.uid = attr.uid;
    out.gid = attr.gid;
    out.mode = static_cast<std::uint16_t>(attr.mode);
    out.ino = attr.ino;
    out.size = attr.size;
    out.blocks = attr.blocks;
    out.atime = {static_cast<std::int64_t>(attr.atime), attr.atimensec, 0};
    out.mtime = {static_cast<std::int64_t>(attr.mtime), attr.mtimensec, 0};
    out.ctime = {static_cast<std::int64_t>(attr.ctime), attr.ctimensec, 0};
    out.rdev_major = attr.rdev >> 8 & 0xfff;
    out.rdev_minor = (attr.rdev & 0xff) | (attr.rdev >> 12 & 0xfff00);
    struct statx host{};
    const int fd = single_file() && table_.is_root(node) ? -1 : *table_.descriptor(node);
    if (::statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &host) == 0 &&
        (host.stx_mask & STATX_BTIME) != 0) {
        out.mask |= STATX_BTIME;
        out.btime = {host.stx_btime.tv_sec, host.stx_btime.tv_nsec, 0};
    }
    reply.body.clear();
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
        error = set_owner_and_mode(node, *fd, info, in);
    if (error == 0 && (in.valid & FATTR_SIZE) != 0)
        error = set_size(node, *fd, in);
    if (error == 0 && (in.valid & (FATTR_ATIME | FATTR_MTIME)) != 0)
        error = set_times(*fd, in);
    return error != 0 ? error : run(fuse::GetAttributes{}, node, caller, reply);
}

int Passthrough::set_owner_and_mode(Inode& node, int fd, const struct stat& info,
                                    const fuse_setattr_in& in) {
    const Metadata before = metadata_of(node, fd, info);
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
    node.record_known = false; // whatever the host's file system does to the time of change
    return keep(fd, metadata, info);
}

/// The mode on the host of a file that has `mode` in the guest and had `before` on the host.
mode_t Passthrough::host_mode(std::uint32_t mode, mode_t before) const {
    if (!options_.keep_metadata)
        return mode & (S_ISDIR(mode) ? 01777 : 0777);
    if (is_special(mode))
        return 0600;
    if (options_.mirror_modes)
        return (mode & 0777) | (S_ISDIR(mode) ? 0700 : 0600);
    return S_ISDIR(mode) ? before : with_execution(before, is_executable(mode));
}

mode_t Passthrough::new_host_mode(std::uint32_t mode) const {
    return host_mode(mode, S_ISDIR(mode) ? 0700 : 0600);
}

int Passthrough::change_mode(int fd, const struct stat& info, mode_t mode) const {
    if ((info.st_mode & 0777) == (mode & 0777) && (mode & 01000) == (info.st_mode & mode & 01000))
        return 0;
    return ::fchmodat(AT_FDCWD, name_of(fd).c_str(), mode, 0) == 0 ? 0 : errno;
}

int Passthrough::keep(int fd, const Metadata& metadata, const struct stat& info) {
    if (S_ISLNK(info.st_mode))
        return 0; // a link has no mode, and its owner cannot be kept
    const mode_t wanted = host_mode(metadata.mode, info.st_mode & 0777);
    const int error = change_mode(fd, info, wanted);
    if (!options_.keep_metadata)
        return error;
    Metadata record = metadata;
    record.host_mode = (error == 0 ? wanted : info.st_mode) & 0777; // somebody else's stays
    const int refused = store_metadata(name_of(fd), record);
    if (refused == 0)
        return 0;
    if (!has_no_metadata(refused) || is_special(metadata.mode) != is_special(info.st_mode))
        return refused;
    // The host's mode is all that there is.
    struct stat now{};
    if (::fstat(fd, &now) == -1)
        return errno;
    return change_mode(fd, now, metadata.mode & 0777);
}

int Passthrough::kill_privileges(Inode& node, int fd) {
    auto metadata = stored_metadata(fd, node.type);
    if (!metadata || without_privileges(metadata->mode) == metadata->mode)
        return 0;
    metadata->mode = without_privileges(metadata->mode);
    node.record_known = false;
    return store_metadata(name_of(fd), *metadata);
}

int Passthrough::set_size(Inode& node, int fd, const fuse_setattr_in& in) {
    OwnedFd opened;
    int file_fd = -1;
    if ((in.valid & FATTR_FH) != 0) {
        const Handle* const handle = writable_file(in.fh);
        if (handle == nullptr || handle->inode->id != node.id)
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
        if (const int error = kill_privileges(node, file_fd); error != 0)
            return error;
    struct stat before{};
    if (::fstat(file_fd, &before) == -1)
        return errno;
    const auto size = static_cast<std::uint64_t>(before.st_size);
    if (const int error = quota_.may_grow(size, in.size); error != 0)
        return error;
    if (::ftruncate(file_fd, static_cast<off_t>(in.size)) == -1)
        return errno;
    changed(node);
    quota_.resized(size, in.size);
    return 0;
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
    const std::string path = name_of(*fd), name(in.name);
    const std::uint64_t before = xattr_size(path, name), after = in.name.size() + in.value.size();
    if (const int error = quota_.may_grow(before, after); error != 0)
        return error;
    if (::setxattr(path.c_str(), name.c_str(), in.value.data(), in.value.size(),
                   static_cast<int>(in.flags)) == -1)
        return errno;
    quota_.resized(before, after);
    return 0;
}

int Passthrough::run(const fuse::RemoveXattr& in, Inode& node, Caller, FuseReply&) {
    if (const int error = check_xattr_name(in.name, EOPNOTSUPP); error != 0)
        return error;
    const Fd fd = table_.descriptor(node);
    if (!fd)
        return fd.error();
    const std::string path = name_of(*fd), name(in.name);
    const std::uint64_t before = xattr_size(path, name);
    if (::removexattr(path.c_str(), name.c_str()) == -1)
        return errno;
    quota_.resized(before, 0);
    return 0;
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
