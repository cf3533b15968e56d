// Operations on names: looking them up, making and removing them.
#include "device/fs/passthrough.hpp"

#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <unistd.h>

namespace msb::device {

Passthrough::Fd Passthrough::directory(Inode& node) {
    if (node.type != S_IFDIR)
        return std::unexpected(ENOTDIR);
    return table_.descriptor(node);
}

/// A file that is open here needs no second descriptor to be recognised by.
std::expected<Passthrough::Look, int> Passthrough::look_up_known(Inode& parent,
                                                                 std::string_view name) {
    Look look{};
    const Fd in = directory(parent);
    if (!in)
        return std::unexpected(in.error());
    if (::fstatat(*in, std::string(name).c_str(), &look.info, AT_SYMLINK_NOFOLLOW) == -1)
        return std::unexpected(errno);
    look.inode = table_.meet(parent, name, look.info);
    if (look.inode)
        look.fd = *table_.descriptor(*look.inode);
    return look;
}

std::expected<Passthrough::Look, int> Passthrough::look_up(Inode& parent, std::string_view name) {
    Look look{};
    OwnedFd fd;
    if (single_file() && table_.is_root(parent)) {
        if (name != options_.file_name)
            return std::unexpected(ENOENT);
        fd = OwnedFd(::fcntl(file_.get(), F_DUPFD_CLOEXEC, 0));
    } else {
        const Fd in = directory(parent);
        if (!in)
            return std::unexpected(in.error());
        fd = OwnedFd(open_path(*in, name));
    }
    if (!fd || ::fstat(fd.get(), &look.info) == -1)
        return std::unexpected(errno);
    // Mounts below the shared directory belong to it, but procfs would show this process itself.
    struct statfs file_system{};
    if (look.info.st_dev != table_.root_device() &&
        (::fstatfs(fd.get(), &file_system) == -1 || file_system.f_type == PROC_SUPER_MAGIC))
        return std::unexpected(EACCES);
    if (!numbers_.shown(look.info.st_dev, look.info.st_ino))
        return std::unexpected(EOVERFLOW);
    auto inode = table_.adopt(parent, name, std::move(fd), look.info);
    if (!inode)
        return std::unexpected(inode.error());
    look.inode = std::move(*inode);
    if (single_file())
        table_.pin(*look.inode); // it has no name by which it could be opened again
    const Fd known = table_.descriptor(*look.inode);
    if (!known) {
        table_.forget(*look.inode, 1);
        return std::unexpected(known.error());
    }
    look.fd = *known;
    return look;
}

int Passthrough::run(const fuse::Lookup& in, Inode& node, Caller, FuseReply& reply) {
    auto look = single_file() ? look_up(node, in.name) : look_up_known(node, in.name);
    if (look && !look->inode)
        look = look_up(node, in.name);
    if (!look && look.error() == ENOENT && options_.cached) {
        fuse_entry_out absent{}; // node 0: this may be remembered as well
        absent.entry_valid = names_validity().seconds;
        reply.append(absent);
        return 0;
    }
    if (!look)
        return look.error();
    reply.append(entry(*look->inode, look->fd, look->info));
    return 0;
}

int Passthrough::run(const fuse::ReadLink&, Inode& node, Caller, FuseReply& reply) {
    const Fd fd = table_.descriptor(node);
    if (!fd)
        return fd.error();
    reply.body.resize(PATH_MAX);
    const ssize_t length =
        ::readlinkat(*fd, "", reinterpret_cast<char*>(reply.body.data()), reply.body.size());
    if (length < 0)
        return errno == ENOENT ? EINVAL : errno; // ENOENT: it is no link
    reply.body.resize(static_cast<std::size_t>(length));
    return 0;
}

// ---- making ----

Metadata Passthrough::new_metadata(int parent, std::uint32_t mode, std::uint32_t rdev,
                                   Caller caller) const {
    Metadata made{caller.uid, caller.gid, mode, rdev};
    const auto above = stored_metadata(parent, S_IFDIR);
    if (!above || (above->mode & S_ISGID) == 0)
        return made;
    made.gid = above->gid;
    if (S_ISDIR(mode))
        made.mode |= S_ISGID;
    else if ((mode & S_IXGRP) != 0 && caller.uid != 0 && caller.gid != made.gid)
        made.mode &= ~std::uint32_t{S_ISGID};
    return made;
}

/// The last step of making `name`: its metadata, and the answer.
int Passthrough::finish_made(Inode& parent, std::string_view name, const Metadata& metadata,
                             FuseReply& reply) {
    auto look = look_up(parent, name);
    if (!look)
        return look.error();
    int error = keep(look->fd, metadata, look->info);
    if (error == 0 && ::fstat(look->fd, &look->info) == -1)
        error = errno;
    if (error != 0) {
        const Fd in = directory(parent);
        if (in)
            ::unlinkat(*in, std::string(name).c_str(), S_ISDIR(metadata.mode) ? AT_REMOVEDIR : 0);
        table_.forget(*look->inode, 1);
        return error == EOPNOTSUPP && is_special(metadata.mode) ? EPERM : error;
    }
    quota_.named();
    reply.append(entry(*look->inode, look->fd, look->info));
    return 0;
}

int Passthrough::run(const fuse::MakeDirectory& in, Inode& node, Caller caller, FuseReply& reply) {
    const Fd parent = directory(node);
    if (!parent)
        return parent.error();
    if (const int error = quota_.may_name(); error != 0)
        return error;
    const std::uint32_t mode = S_IFDIR | (in.mode & 07777);
    if (::mkdirat(*parent, std::string(in.name).c_str(), new_host_mode(mode)) == -1)
        return errno;
    return finish_made(node, in.name, new_metadata(*parent, mode, 0, caller), reply);
}

int Passthrough::run(const fuse::MakeNode& in, Inode& node, Caller caller, FuseReply& reply) {
    // The host gets a regular file; what it stands for is in its metadata.
    if (!S_ISREG(in.mode) && !is_special(in.mode))
        return EINVAL;
    if (is_special(in.mode) && !options_.keep_metadata)
        return EPERM;
    const Fd parent = directory(node);
    if (!parent)
        return parent.error();
    if (const int error = quota_.may_name(); error != 0)
        return error;
    const OwnedFd made(::openat(*parent, std::string(in.name).c_str(),
                                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                                new_host_mode(in.mode)));
    if (!made)
        return errno;
    const bool device = S_ISCHR(in.mode) || S_ISBLK(in.mode);
    return finish_made(node, in.name, new_metadata(*parent, in.mode, device ? in.rdev : 0, caller),
                       reply);
}

int Passthrough::run(const fuse::MakeLink& in, Inode& node, Caller, FuseReply& reply) {
    const Fd parent = directory(node);
    if (!parent)
        return parent.error();
    if (const int error = quota_.may_name(); error != 0)
        return error;
    if (::symlinkat(std::string(in.target).c_str(), *parent, std::string(in.name).c_str()) == -1)
        return errno;
    quota_.named();
    return run(fuse::Lookup{in.name}, node, {}, reply);
}

int Passthrough::run(const fuse::HardLink& in, Inode& node, Caller, FuseReply& reply) {
    const InodeRef target = table_.find(in.node);
    if (!target)
        return ESTALE;
    const Fd fd = table_.descriptor(*target);
    if (!fd)
        return fd.error();
    const Fd parent = directory(node);
    if (!parent)
        return parent.error();
    if (const int error = quota_.may_name(); error != 0)
        return error;
    if (::linkat(AT_FDCWD, name_of(*fd).c_str(), *parent, std::string(in.name).c_str(),
                 AT_SYMLINK_FOLLOW) == -1)
        return errno;
    quota_.named();
    return run(fuse::Lookup{in.name}, node, {}, reply);
}

int Passthrough::run(const fuse::Create& in, Inode& node, Caller caller, FuseReply& reply) {
    const Fd parent = directory(node);
    if (!parent)
        return parent.error();
    if (const int error = quota_.may_name(); error != 0)
        return error;
    const std::uint32_t mode = S_IFREG | (in.mode & 07777);
    OwnedFd made(::openat(*parent, std::string(in.name).c_str(),
                          static_cast<int>(in.flags & (O_ACCMODE | O_SYNC | O_DSYNC)) | O_CREAT |
                              O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                          new_host_mode(mode)));
    if (!made && (errno != EEXIST || (in.flags & O_EXCL) != 0))
        return errno;
    if (made) {
        const Metadata metadata = new_metadata(*parent, mode, 0, caller);
        if (const int error = finish_made(node, in.name, metadata, reply); error != 0)
            return error;
    } else if (const int error = run(fuse::Lookup{in.name}, node, caller, reply); error != 0) {
        return error; // somebody else has just made it
    }
    fuse_entry_out answer{};
    std::memcpy(&answer, reply.body.data(), sizeof(answer));
    const InodeRef inode = table_.find(answer.nodeid);
    int error = 0;
    if (made) {
        struct stat info{};
        error = ::fstat(made.get(), &info) == -1 ? errno : 0;
        // If somebody has replaced the file meanwhile, the guest must not get theirs.
        if (error == 0 && (info.st_ino != inode->number || info.st_dev != inode->device))
            error = ESTALE;
        if (error == 0)
            error = add_handle(std::move(made), *inode, static_cast<int>(in.flags), info, reply);
    } else {
        error = run(fuse::Open{in.flags, in.kill_privileges, false}, *inode, caller, reply);
    }
    if (error != 0)
        table_.forget(*inode, 1);
    return error;
}

/// A file without a name, which a link may give one to later.
int Passthrough::run(const fuse::MakeUnnamed& in, Inode& node, Caller caller, FuseReply& reply) {
    const Fd parent = directory(node);
    if (!parent)
        return parent.error();
    const std::uint32_t mode = S_IFREG | (in.mode & 07777);
    OwnedFd made(::openat(*parent, ".",
                          O_TMPFILE | O_CLOEXEC |
                              static_cast<int>(in.flags & (O_ACCMODE | O_EXCL | O_SYNC | O_DSYNC)),
                          new_host_mode(mode)));
    if (!made)
        return errno;
    struct stat info{};
    if (::fstat(made.get(), &info) == -1)
        return errno;
    const Metadata metadata = new_metadata(*parent, mode, 0, caller);
    if (const int error = keep(made.get(), metadata, info); error != 0)
        return error;
    OwnedFd path(::open(name_of(made.get()).c_str(), O_PATH | O_CLOEXEC));
    if (!path)
        return errno;
    const int fd = path.get();
    const auto inode = table_.adopt(node, "", std::move(path), info);
    if (!inode)
        return inode.error();
    int error = table_.pin(**inode);
    if (error == 0 && ::fstat(fd, &info) == -1)
        error = errno;
    if (error == 0) {
        reply.append(entry(**inode, fd, info));
        error = add_handle(std::move(made), **inode, static_cast<int>(in.flags), info, reply);
    }
    if (error != 0)
        table_.forget(**inode, 1);
    return error;
}

// ---- removing and renaming ----

std::expected<Passthrough::Target, int> Passthrough::target(int directory, std::string_view name) {
    Target target;
    if (::fstatat(directory, std::string(name).c_str(), &target.info, AT_SYMLINK_NOFOLLOW) == -1)
        return std::unexpected(errno);
    target.inode = table_.find(target.info.st_dev, target.info.st_ino);
    return target;
}

/// A name is gone. What the guest knows is pinned, and counted when it lets go of it.
void Passthrough::count_removal(const Target& removed) {
    quota_.unnamed();
    if (S_ISREG(removed.info.st_mode) && removed.info.st_nlink == 1 && !removed.inode)
        quota_.resized(static_cast<std::uint64_t>(removed.info.st_size), 0);
}

/// The guest has let go of a file that it had removed.
void Passthrough::count_end(const Inode& inode, int fd) {
    struct stat info{};
    if (inode.type == S_IFREG && ::fstat(fd, &info) == 0 && info.st_nlink == 0)
        quota_.resized(static_cast<std::uint64_t>(info.st_size), 0);
}

int Passthrough::run(const fuse::Unlink& in, Inode& node, Caller, FuseReply&) {
    const Fd parent = directory(node);
    if (!parent)
        return parent.error();
    const auto target = this->target(*parent, in.name);
    if (!target)
        return target.error();
    if (target->inode)
        if (const int error = table_.pin(*target->inode, node, in.name, target->info.st_nlink == 1);
            error != 0)
            return error;
    if (::unlinkat(*parent, std::string(in.name).c_str(), in.directory ? AT_REMOVEDIR : 0) == -1)
        return errno;
    count_removal(*target);
    return 0;
}

int Passthrough::run(const fuse::Rename& in, Inode& node, Caller, FuseReply&) {
    if ((in.flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) != 0)
        return EINVAL;
    const InodeRef new_parent = table_.find(in.new_parent);
    if (!new_parent)
        return ESTALE;
    if (single_file())
        return EPERM;
    const Fd from = directory(node);
    if (!from)
        return from.error();
    const Fd to = directory(*new_parent);
    if (!to)
        return to.error();
    const auto source = target(*from, in.name);
    if (!source)
        return source.error();
    const auto replaced = target(*to, in.new_name);
    const InodeRef& moved = source->inode;
    const InodeRef nothing;
    const InodeRef& other = replaced ? replaced->inode : nothing;
    const bool exchange = (in.flags & RENAME_EXCHANGE) != 0;
    const bool same = replaced && replaced->info.st_dev == source->info.st_dev &&
                      replaced->info.st_ino == source->info.st_ino;
    if (other && !exchange && !same)
        if (const int error =
                table_.pin(*other, *new_parent, in.new_name, replaced->info.st_nlink == 1);
            error != 0)
            return error;
    if (::renameat2(*from, std::string(in.name).c_str(), *to, std::string(in.new_name).c_str(),
                    in.flags) == -1)
        return errno;
    if (same) // two names of one file: nothing has changed
        return 0;
    if (replaced && !exchange)
        count_removal(*replaced);
    if (moved)
        table_.rename(*moved, *new_parent, in.new_name);
    if (other && exchange)
        table_.rename(*other, node, in.name);
    return 0;
}

} // namespace msb::device
