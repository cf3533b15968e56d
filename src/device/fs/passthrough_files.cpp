// Open files and directories.
#include "device/fs/change_times.hpp"
#include "device/fs/passthrough.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace msb::device {

namespace {

constexpr std::uint64_t max_listing_bytes = std::uint64_t{1} << 20; ///< of one answer
constexpr std::size_t dirents_bytes = std::size_t{32} << 10;
/// Of one request, which keeps the thread that long.
constexpr std::uint64_t max_copy_bytes = std::uint64_t{64} << 20;

/// As the kernel writes them (getdents64(2)); `length` and `type` are checked before use.
struct HostEntry {
    std::uint64_t inode;
    std::int64_t next; ///< offset of what follows
    std::uint16_t length;
    std::uint8_t type;
    std::string_view name;
};

HostEntry parse_entry(BytesView at) {
    HostEntry entry{};
    std::memcpy(&entry.inode, at.data(), sizeof(entry.inode));
    std::memcpy(&entry.next, at.data() + 8, sizeof(entry.next));
    std::memcpy(&entry.length, at.data() + 16, sizeof(entry.length));
    entry.type = at[18];
    entry.name = reinterpret_cast<const char*>(at.data()) + 19;
    return entry;
}

} // namespace

/// Opens a file that is known by an O_PATH descriptor. Only files and directories: opening a FIFO
/// can block for ever, and opening a device can do anything.
Passthrough::Fd Passthrough::reopen(int fd, const Inode& node, int flags) {
    int opened = -1;
    if (node.type == S_IFDIR)
        opened = ::openat(fd, ".", flags | O_DIRECTORY | O_CLOEXEC);
    else if (node.type == S_IFREG)
        opened = ::open(name_of(fd).c_str(), flags | O_CLOEXEC | O_NOCTTY);
    else
        return std::unexpected(ENXIO);
    if (opened == -1)
        return std::unexpected(errno);
    return opened;
}

int Passthrough::add_handle(OwnedFd fd, Inode& inode, int flags, const struct stat& info,
                            FuseReply& reply) {
    if (free_handles_.empty() && handles_.size() >= options_.handles)
        return ENFILE;
    auto handle = std::make_unique<Handle>();
    handle->fd = std::move(fd);
    handle->inode = InodeRef(table_, inode);
    handle->directory = inode.type == S_IFDIR;
    handle->writable = (flags & O_ACCMODE) != O_RDONLY;
    fuse_open_out out{};
    if (!handle->directory) {
        // Closing is told only where it may give up locks.
        if (!inode.locked)
            out.open_flags |= FOPEN_NOFLUSH;
        if (inode.cached_size == info.st_size && same_time(inode.cached_change, info.st_ctim))
            out.open_flags |= FOPEN_KEEP_CACHE;
        note_cached(inode, info);
    }
    if (free_handles_.empty()) {
        out.fh = handles_.size();
        handles_.push_back(std::move(handle));
    } else {
        out.fh = free_handles_.back();
        free_handles_.pop_back();
        handles_[out.fh] = std::move(handle);
    }
    reply.append(out);
    return 0;
}

/// What the guest reads from now on is this file, or a later one.
void Passthrough::note_cached(Inode& inode, const struct stat& info) const {
    const bool known = options_.cached || is_settled(info.st_ctim);
    inode.cached_size = known ? info.st_size : -1;
    inode.cached_change = info.st_ctim;
}

/// The guest has changed the file. Whether the host has done so at the same time cannot be told, so
/// the guest's page cache ends with the next open, unless it may be wrong for a while.
void Passthrough::changed(Inode& inode) const {
    if (!options_.cached)
        inode.cached_size = -1;
}

Passthrough::Handle* Passthrough::file(std::uint64_t handle) {
    Handle* const found = handle < handles_.size() ? handles_[handle].get() : nullptr;
    return found != nullptr && !found->directory ? found : nullptr;
}

Passthrough::Handle* Passthrough::writable_file(std::uint64_t handle) {
    Handle* const found = file(handle);
    return found != nullptr && found->writable ? found : nullptr;
}

Passthrough::Handle* Passthrough::open_directory(std::uint64_t handle) {
    Handle* const found = handle < handles_.size() ? handles_[handle].get() : nullptr;
    return found != nullptr && found->directory ? found : nullptr;
}

int Passthrough::run(const fuse::Open& in, Inode& node, Caller, FuseReply& reply) {
    if (in.directory != (node.type == S_IFDIR))
        return in.directory ? ENOTDIR : EISDIR;
    struct stat info{};
    if (single_file() && table_.is_root(node))
        return add_handle({}, node, O_RDONLY, info, reply);
    const Fd path = table_.descriptor(node);
    if (!path)
        return path.error();
    const int flags = in.directory
                          ? O_RDONLY
                          : static_cast<int>(in.flags & (O_ACCMODE | O_TRUNC | O_SYNC | O_DSYNC));
    const bool truncates = !in.directory && (flags & O_TRUNC) != 0;
    if (truncates && ::fstat(*path, &info) == -1)
        return errno;
    const Fd opened = reopen(*path, node, flags);
    if (!opened)
        return opened.error();
    OwnedFd fd(*opened);
    if (truncates)
        quota_.resized(static_cast<std::uint64_t>(info.st_size), 0);
    if (in.kill_privileges)
        if (const int error = kill_privileges(node, fd.get()); error != 0)
            return error;
    if (::fstat(fd.get(), &info) == -1)
        return errno;
    return add_handle(std::move(fd), node, flags, info, reply);
}

int Passthrough::run(const fuse::Release& in, Inode&, Caller, FuseReply&) {
    Handle* const handle = in.directory ? open_directory(in.handle) : file(in.handle);
    if (handle == nullptr)
        return EBADF;
    struct stat info{};
    if (options_.cached && handle->writable && ::fstat(handle->fd.get(), &info) == 0)
        note_cached(*handle->inode, info);
    locks_.drop_handle(handle->inode->id, in.handle);
    handles_[in.handle].reset();
    free_handles_.push_back(in.handle);
    return 0;
}

int Passthrough::run(const fuse::Read& in, Inode&, Caller, FuseReply& reply) {
    const Handle* const handle = file(in.handle);
    if (handle == nullptr)
        return EBADF;
    reply.out.take(in.size, pieces_);
    const ssize_t count = ::preadv(handle->fd.get(), pieces_.data(),
                                   static_cast<int>(pieces_.size()), static_cast<off_t>(in.offset));
    if (count < 0)
        return errno;
    reply.sent = static_cast<std::uint64_t>(count);
    return 0;
}

int Passthrough::run(const fuse::Write& in, Inode&, Caller, FuseReply& reply) {
    const Handle* const handle = writable_file(in.handle);
    struct stat before{};
    if (handle == nullptr || ::fstat(handle->fd.get(), &before) == -1)
        return EBADF;
    if (in.kill_privileges)
        if (const int error = kill_privileges(*handle->inode, handle->fd.get()); error != 0)
            return error;
    // Appending is decided by the flags as they are now, not as the file was opened.
    const int flags = (in.open_flags & O_APPEND) != 0 ? RWF_APPEND : 0;
    const auto size = static_cast<std::uint64_t>(before.st_size);
    const std::uint64_t offset = flags != 0 ? size : in.offset;
    const std::uint64_t end = size + quota_.free_bytes();
    if (in.size > 0 && offset >= end)
        return ENOSPC;
    reply.in.take(std::min<std::uint64_t>(in.size, end - std::min(end, offset)), pieces_);
    const ssize_t count =
        ::pwritev2(handle->fd.get(), pieces_.data(), static_cast<int>(pieces_.size()),
                   static_cast<off_t>(in.offset), flags);
    if (count < 0)
        return errno;
    changed(*handle->inode);
    quota_.resized(size, std::max(size, offset + static_cast<std::uint64_t>(count)));
    reply.append(fuse_write_out{static_cast<std::uint32_t>(count), 0});
    return 0;
}

int Passthrough::run(const fuse::Sync& in, Inode&, Caller, FuseReply&) {
    const Handle* const handle = in.directory ? open_directory(in.handle) : file(in.handle);
    if (handle == nullptr)
        return EBADF;
    if (!handle->fd) // the made-up directory
        return 0;
    const int fd = handle->fd.get();
    return (in.data_only ? ::fdatasync(fd) : ::fsync(fd)) == 0 ? 0 : errno;
}

int Passthrough::run(const fuse::Allocate& in, Inode&, Caller, FuseReply&) {
    const Handle* const handle = writable_file(in.handle);
    struct stat before{};
    if (handle == nullptr || ::fstat(handle->fd.get(), &before) == -1)
        return EBADF;
    constexpr std::uint32_t known =
        FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
    if ((in.mode & ~known) != 0)
        return EOPNOTSUPP;
    const auto size = static_cast<std::uint64_t>(before.st_size);
    std::uint64_t end = 0;
    if (__builtin_add_overflow(in.offset, in.length, &end))
        return EFBIG;
    const bool keeps_size = (in.mode & FALLOC_FL_KEEP_SIZE) != 0;
    if (keeps_size && (in.mode & FALLOC_FL_PUNCH_HOLE) == 0 && end > size && quota_.limits_bytes())
        return EOPNOTSUPP; // no size would show what it takes
    const std::uint64_t after = keeps_size ? size : std::max(size, end);
    if (const int error = quota_.may_grow(size, after); error != 0)
        return error;
    if (::fallocate(handle->fd.get(), static_cast<int>(in.mode), static_cast<off_t>(in.offset),
                    static_cast<off_t>(in.length)) == -1)
        return errno;
    changed(*handle->inode);
    quota_.resized(size, after);
    return 0;
}

int Passthrough::run(const fuse::Seek& in, Inode&, Caller, FuseReply& reply) {
    const Handle* const handle = file(in.handle);
    if (handle == nullptr)
        return EBADF;
    if (in.whence != SEEK_DATA && in.whence != SEEK_HOLE)
        return EINVAL;
    const off_t found =
        ::lseek(handle->fd.get(), static_cast<off_t>(in.offset), static_cast<int>(in.whence));
    if (found == -1)
        return errno;
    reply.append(fuse_lseek_out{static_cast<std::uint64_t>(found)});
    return 0;
}

int Passthrough::run(const fuse::CopyRange& request, Inode&, Caller, FuseReply& reply) {
    const fuse_copy_file_range_in& in = request.in;
    if (!table_.find(in.nodeid_out))
        return EXDEV; // of another share of the device, perhaps
    const Handle* const from = file(in.fh_in);
    const Handle* const to = writable_file(in.fh_out);
    struct stat before{};
    if (from == nullptr || to == nullptr || ::fstat(to->fd.get(), &before) == -1)
        return EBADF;
    const auto size = static_cast<std::uint64_t>(before.st_size);
    const std::uint64_t end = size + quota_.free_bytes();
    if (in.len > 0 && in.off_out >= end)
        return ENOSPC;
    auto from_offset = static_cast<off_t>(in.off_in);
    auto to_offset = static_cast<off_t>(in.off_out);
    const ssize_t count =
        ::copy_file_range(from->fd.get(), &from_offset, to->fd.get(), &to_offset,
                          std::min({in.len, max_copy_bytes, end - std::min(end, in.off_out)}),
                          static_cast<unsigned>(in.flags));
    if (count < 0)
        return errno;
    changed(*to->inode);
    quota_.resized(size, std::max(size, in.off_out + static_cast<std::uint64_t>(count)));
    reply.append(fuse_write_out{static_cast<std::uint32_t>(count), 0});
    return 0;
}

// ---- directories ----

/// Makes `handle` hold the entry at `offset`, unless there is none.
int Passthrough::fill_entries(Handle& handle, std::uint64_t offset) {
    if (offset != handle.offset) {
        if (::lseek(handle.fd.get(), static_cast<off_t>(offset), SEEK_SET) == -1)
            return errno;
        handle.entries.clear();
        handle.position = 0;
        handle.offset = offset;
    }
    if (handle.position < handle.entries.size())
        return 0;
    handle.entries.resize(dirents_bytes);
    handle.position = 0;
    const long count =
        ::syscall(SYS_getdents64, handle.fd.get(), handle.entries.data(), handle.entries.size());
    const int error = count < 0 ? errno : 0;
    handle.entries.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    handle.entries.shrink_to_fit(); // most listings are short, and handles are many
    return error;
}

int Passthrough::run(const fuse::ReadDirectory& in, Inode& node, Caller, FuseReply& reply) {
    Handle* const handle = open_directory(in.handle);
    if (handle == nullptr || handle->inode->id != node.id)
        return EBADF;
    const std::size_t room =
        std::min({std::uint64_t{in.size}, reply.out.remaining(), max_listing_bytes});
    if (!handle->fd)
        return list_single_file(in, node, room, reply);
    for (std::uint64_t offset = in.offset;;) {
        const int error = fill_entries(*handle, offset);
        if (error != 0)
            return reply.body.empty() ? error : 0;
        if (handle->entries.empty())
            return 0;
        const HostEntry host = parse_entry(BytesView(handle->entries).subspan(handle->position));
        const DirectoryEntry entry{host.name, host.inode, host.type,
                                   static_cast<std::uint64_t>(host.next)};
        if (!add_entry(node, entry, in.plus, room, reply))
            return 0;
        handle->position += host.length;
        handle->offset = offset = entry.next;
    }
}

/// False: there is no room for it.
bool Passthrough::add_entry(Inode& node, const DirectoryEntry& entry, bool plus, std::size_t room,
                            FuseReply& reply) {
    const std::size_t fixed =
        plus ? offsetof(fuse_direntplus, dirent) + FUSE_NAME_OFFSET : FUSE_NAME_OFFSET;
    const std::size_t size = align_up<std::size_t>(fixed + entry.name.size(), 8);
    if (size > room - std::min(room, reply.body.size()))
        return false;
    const bool dots = entry.name == "." || entry.name == "..";
    fuse_dirent out{};
    out.ino = numbers_.shown(node.device, dots && table_.is_root(node) ? node.number : entry.inode)
                  .value_or(entry.inode);
    out.off = entry.next;
    out.namelen = static_cast<std::uint32_t>(entry.name.size());
    out.type = entry.type;
    if (plus) {
        fuse_entry_out attributes{}; // node 0: not looked up
        if (!dots)
            if (const auto look = look_up(node, entry.name)) {
                attributes = this->entry(*look->inode, look->fd, look->info);
                out.type = (attributes.attr.mode & S_IFMT) >> 12;
                table_.trim(); // one answer may look up more than may stay open
            }
        reply.append(attributes);
    }
    const std::size_t start = reply.body.size() - (plus ? sizeof(fuse_entry_out) : 0);
    const BytesView head = object_bytes(out);
    reply.body.insert(reply.body.end(), head.begin(), head.begin() + FUSE_NAME_OFFSET);
    const BytesView name = as_bytes(entry.name);
    reply.body.insert(reply.body.end(), name.begin(), name.end());
    reply.body.resize(start + size);
    return true;
}

int Passthrough::list_single_file(const fuse::ReadDirectory& in, Inode& node, std::size_t room,
                                  FuseReply& reply) {
    const DirectoryEntry entries[] = {{".", 1, DT_DIR, 1},
                                      {"..", 1, DT_DIR, 2},
                                      {options_.file_name, file_info_.st_ino, DT_REG, 3}};
    for (std::uint64_t at = in.offset; at < std::size(entries); ++at)
        if (!add_entry(node, entries[at], in.plus, room, reply))
            break;
    return 0;
}

} // namespace msb::device
