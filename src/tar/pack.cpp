#include "tar/pack.hpp"

#include "base/fd.hpp"
#include "base/own_xattrs.hpp"
#include "base/system.hpp"
#include "tar/tar_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <map>
#include <memory>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <vector>

namespace msb {

namespace {

constexpr std::size_t small_file = std::size_t{64} << 10;
constexpr std::size_t max_links =
    1'000'000; ///< remembered; more are archived as files of their own
constexpr std::size_t max_xattrs = 64U << 10; ///< kernel's limit for the list, and for one value

/// Opens without blocking, whatever the name now stands for.
constexpr int open_flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

class Packer {
  public:
    Packer(const PackOptions& options, Sink& sink, TreeProgress& progress)
        : options_(options), writer_(sink), progress_(progress), buffer_(small_file) {}

    Status run(const std::string& path) {
        MSB_TRY(root(path));
        while (!levels_.empty())
            MSB_TRY(step());
        return writer_.finish();
    }

  private:
    struct CloseDir {
        void operator()(DIR* dir) const { ::closedir(dir); }
    };
    struct Level {
        std::unique_ptr<DIR, CloseDir> dir;
        std::size_t path_size; ///< of path_, without the entry
    };

    Status root(const std::string& path);
    Status step();
    Status add(int dir_fd, const char* name, unsigned char type);
    Status add_opened(OwnedFd fd, const struct stat& info);
    Status add_link(int dir_fd, const char* name, const struct stat& info);
    Status add_node(const struct stat& info);
    Status add_directory(OwnedFd fd, TarEntry entry, bool of_same_file_system);
    Status add_file(int fd, const struct stat& info, TarEntry entry);
    Status add_data(int fd, const TarEntry& entry);
    Result<std::size_t> read_at(int fd, MutableBytesView buffer, std::uint64_t offset);
    Result<std::vector<TarExtent>> find_extents(int fd, const struct stat& info) const;
    TarEntry describe(const struct stat& info) const;
    void read_xattrs(int fd, TarEntry& entry);
    std::unexpected<Error> refuse(const struct stat& info) const;

    const PackOptions& options_;
    TarWriter writer_;
    TreeProgress& progress_;
    Bytes buffer_;
    std::string path_;   ///< of the current entry, in the archive
    std::string source_; ///< the same in the file system, for messages
    std::vector<Level> levels_;
    std::map<std::pair<dev_t, ino_t>, std::string> links_;
    dev_t device_ = 0; ///< of the tree's root
};

Status Packer::root(const std::string& path) {
    path_ = options_.name;
    source_ = path;
    const int follow = options_.follow ? 0 : O_NOFOLLOW;
    OwnedFd fd(::open(path.c_str(), (open_flags & ~O_NOFOLLOW) | follow));
    struct stat info{};
    if (fd) {
        info = MSB_TRY(sys::fstat(fd.get()));
        return add_opened(std::move(fd), info);
    }
    const int reason = errno;
    if (::lstat(path.c_str(), &info) == -1)
        return fail_errno("stat", path);
    if (S_ISLNK(info.st_mode) && !options_.follow)
        return add_link(AT_FDCWD, path.c_str(), info);
    if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode) && !S_ISLNK(info.st_mode))
        return refuse(info);
    return fail(Error::from_errno(reason, "open", path));
}

Status Packer::step() {
    Level& level = levels_.back();
    path_.resize(level.path_size);
    errno = 0;
    const dirent* entry = ::readdir(level.dir.get());
    if (entry == nullptr) {
        if (errno != 0)
            return fail_errno("readdir", path_);
        levels_.pop_back();
        return {};
    }
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..")
        return {};
    if (!path_.empty())
        path_ += '/';
    path_ += name;
    if (path_.size() > max_path_length)
        return fail(ErrorKind::limit_exceeded, "path is longer than 4096 bytes: " + path_);
    MSB_TRY(progress_.step(0));
    return add(::dirfd(level.dir.get()), entry->d_name, entry->d_type);
}

Status Packer::add(int dir_fd, const char* name, unsigned char type) {
    struct stat info{};
    const auto look = [&]() -> Status {
        if (::fstatat(dir_fd, name, &info, AT_SYMLINK_NOFOLLOW) == -1)
            return fail_errno("stat", path_);
        return {};
    };
    if (type != DT_REG && type != DT_DIR) {
        MSB_TRY(look());
        if (S_ISLNK(info.st_mode))
            return add_link(dir_fd, name, info);
        if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))
            return options_.as_root ? add_node(info) : refuse(info);
    }
    OwnedFd fd(::openat(dir_fd, name, open_flags));
    if (!fd && errno == ENOENT)
        return {}; // removed since the directory was read
    if (!fd && errno == ELOOP) {
        MSB_TRY(look());
        return add_link(dir_fd, name, info);
    }
    if (!fd)
        return fail_errno("open", path_);
    info = MSB_TRY(sys::fstat(fd.get()));
    return add_opened(std::move(fd), info);
}

std::unexpected<Error> Packer::refuse(const struct stat& info) const {
    const char* what = S_ISSOCK(info.st_mode)   ? "a socket"
                       : S_ISFIFO(info.st_mode) ? "a FIFO"
                                                : "a device node";
    return fail(ErrorKind::unsupported, "'" + (levels_.empty() ? source_ : path_) + "' is " + what +
                                            ", which cannot be copied");
}

TarEntry Packer::describe(const struct stat& info) const {
    TarEntry entry;
    entry.path = path_;
    entry.mode = info.st_mode & 07777;
    entry.uid = info.st_uid;
    entry.gid = info.st_gid;
    if (options_.as_root && info.st_uid == ::geteuid())
        entry.uid = 0;
    if (options_.as_root && info.st_gid == ::getegid())
        entry.gid = 0;
    entry.mtime = info.st_mtim.tv_sec;
    entry.mtime_nsec = static_cast<std::uint32_t>(info.st_mtim.tv_nsec);
    if (!options_.as_root)
        entry.atime.emplace(info.st_atim.tv_sec, static_cast<std::uint32_t>(info.st_atim.tv_nsec));
    return entry;
}

Status Packer::add_opened(OwnedFd fd, const struct stat& info) {
    if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))
        return refuse(info);
    TarEntry entry = describe(info);
    if (options_.xattrs)
        read_xattrs(fd.get(), entry);
    ++progress_.entries;
    if (levels_.empty())
        device_ = info.st_dev;
    if (S_ISDIR(info.st_mode))
        return add_directory(std::move(fd), std::move(entry), info.st_dev == device_);
    if (info.st_nlink > 1) {
        const std::pair key{info.st_dev, info.st_ino};
        const auto known = links_.find(key);
        if (known != links_.end()) {
            entry.type = TarType::hard_link;
            entry.link = known->second;
            entry.xattrs.clear();
            return writer_.begin(entry);
        }
        if (links_.size() < max_links)
            links_.emplace(key, path_);
    }
    return add_file(fd.get(), info, std::move(entry));
}

Status Packer::add_link(int dir_fd, const char* name, const struct stat& info) {
    std::string target(max_path_length + 1, '\0');
    const ssize_t size = ::readlinkat(dir_fd, name, target.data(), target.size());
    if (size == -1)
        return fail_errno("readlink", path_);
    if (static_cast<std::size_t>(size) > max_path_length)
        return fail(ErrorKind::limit_exceeded, "link target is longer than 4096 bytes: " + path_);
    target.resize(static_cast<std::size_t>(size));
    TarEntry entry = describe(info);
    entry.type = TarType::symlink;
    entry.link = std::move(target);
    ++progress_.entries;
    return writer_.begin(entry);
}

/// A socket means nothing without the process that listens.
Status Packer::add_node(const struct stat& info) {
    if (S_ISSOCK(info.st_mode))
        return {};
    TarEntry entry = describe(info);
    entry.type = S_ISFIFO(info.st_mode)  ? TarType::fifo
                 : S_ISCHR(info.st_mode) ? TarType::character_device
                                         : TarType::block_device;
    entry.device_major = major(info.st_rdev);
    entry.device_minor = minor(info.st_rdev);
    ++progress_.entries;
    return writer_.begin(entry);
}

Status Packer::add_directory(OwnedFd fd, TarEntry entry, bool of_same_file_system) {
    if (levels_.size() == max_tree_depth)
        return fail(ErrorKind::limit_exceeded, "'" + path_ + "' is nested too deeply");
    entry.type = TarType::directory;
    entry.path += '/';
    MSB_TRY(writer_.begin(entry));
    if (options_.as_root && !of_same_file_system)
        return {};
    std::unique_ptr<DIR, CloseDir> dir(::fdopendir(fd.get()));
    if (!dir)
        return fail_errno("fdopendir", path_);
    fd.release();
    levels_.push_back({std::move(dir), path_.size()});
    return {};
}

/// Attributes that cannot be read are not there, as far as the copy is concerned: a file system
/// without them, a name space that is not ours.
void Packer::read_xattrs(int fd, TarEntry& entry) {
    const ssize_t size = ::flistxattr(fd, nullptr, 0);
    if (size <= 0 || static_cast<std::size_t>(size) > max_xattrs)
        return;
    std::string names(static_cast<std::size_t>(size), '\0');
    const ssize_t listed = ::flistxattr(fd, names.data(), names.size());
    std::string_view rest(names.data(), listed > 0 ? static_cast<std::size_t>(listed) : 0);
    std::string value(max_xattrs, '\0');
    while (!rest.empty()) {
        const std::string name(rest.substr(0, rest.find('\0')));
        rest.remove_prefix(std::min(rest.size(), name.size() + 1));
        if (!options_.own_xattrs && name.starts_with(own_xattr_prefix))
            continue;
        const ssize_t length = ::fgetxattr(fd, name.c_str(), value.data(), value.size());
        if (length >= 0)
            entry.xattrs[name] = value.substr(0, static_cast<std::size_t>(length));
    }
}

Result<std::vector<TarExtent>> Packer::find_extents(int fd, const struct stat& info) const {
    const auto size = static_cast<std::uint64_t>(info.st_size);
    std::vector<TarExtent> whole{{0, size}};
    if (static_cast<std::uint64_t>(info.st_blocks) * 512 >= size)
        return whole;
    std::vector<TarExtent> extents;
    std::uint64_t position = 0;
    while (position < size) {
        const off_t data = ::lseek(fd, static_cast<off_t>(position), SEEK_DATA);
        if (data == -1 && errno == ENXIO)
            break;
        const off_t hole = data == -1 ? -1 : ::lseek(fd, data, SEEK_HOLE);
        if (data == -1 || hole == -1 || extents.size() == max_tar_extents - 1)
            return whole; // a file system without holes, or too many: the list's end is one, too
        const auto begin = static_cast<std::uint64_t>(data);
        const auto end = std::min(static_cast<std::uint64_t>(hole), size);
        if (begin >= end)
            break;
        extents.push_back({begin, end - begin});
        position = end;
    }
    return extents;
}

Result<std::size_t> Packer::read_at(int fd, MutableBytesView buffer, std::uint64_t offset) {
    for (;;) {
        const ssize_t count = ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(offset));
        if (count >= 0)
            return static_cast<std::size_t>(count);
        if (errno != EINTR)
            return fail_errno("read", path_);
        MSB_TRY(progress_.step(0)); // interrupted: to be cancelled?
    }
}

/// Reads a small file before writing its header: files of /proc and /sys, and files that change, do
/// not have the size that they claim.
Status Packer::add_file(int fd, const struct stat& info, TarEntry entry) {
    if (static_cast<std::uint64_t>(info.st_size) >= small_file) {
        entry.size = static_cast<std::uint64_t>(info.st_size);
        entry.extents = MSB_TRY(find_extents(fd, info));
        MSB_TRY(writer_.begin(entry));
        return add_data(fd, entry);
    }
    std::size_t used = 0;
    const auto claimed = static_cast<std::size_t>(info.st_size);
    do {
        const std::size_t count =
            MSB_TRY(read_at(fd, MutableBytesView(buffer_).subspan(used), used));
        used += count;
        if (count == 0)
            break;
    } while (used != claimed && used < buffer_.size());
    if (used == buffer_.size() && used != claimed)
        return fail(ErrorKind::unsupported,
                    "'" + path_ + "' has no size of its own and holds more than 64 KiB");
    entry.size = used;
    if (used > 0)
        entry.extents.push_back({0, used});
    MSB_TRY(writer_.begin(entry));
    MSB_TRY(writer_.data(BytesView(buffer_).first(used)));
    return progress_.step(used);
}

Status Packer::add_data(int fd, const TarEntry& entry) {
    for (const TarExtent& extent : entry.extents) {
        std::uint64_t done = 0;
        while (done < extent.length) {
            const MutableBytesView room = MSB_TRY(writer_.room(extent.length - done));
            const std::size_t count = MSB_TRY(read_at(fd, room, extent.offset + done));
            if (count == 0)
                return fail(ErrorKind::busy, "'" + path_ + "' shrank while it was copied");
            writer_.commit(count);
            done += count;
            MSB_TRY(progress_.step(count));
        }
    }
    return {};
}

} // namespace

Status pack_tree(const std::string& path, const PackOptions& options, Sink& sink,
                 TreeProgress& progress) {
    return Packer(options, sink, progress).run(path);
}

} // namespace msb
