#include "sandbox/volumes/tree.hpp"

#include "base/bytes.hpp"
#include "base/system.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <dirent.h>
#include <fcntl.h>
#include <map>
#include <memory>
#include <set>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace msb {

namespace {

constexpr std::size_t max_depth = 256; // each is two descriptors
constexpr std::size_t max_attribute_bytes = 64 << 10;

using FileId = std::pair<dev_t, ino_t>;

FileId id_of(const struct stat& info) {
    return {info.st_dev, info.st_ino};
}

Result<OwnedFd> open_below(int directory, const char* name, int flags) {
    OwnedFd fd(::openat(directory, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!fd)
        return fail_errno("open", name);
    return fd;
}

/// The entries of an open directory, without "." and "..".
Result<std::vector<std::string>> names_of(int directory) {
    OwnedFd again = MSB_TRY(open_below(directory, ".", O_RDONLY | O_DIRECTORY));
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(again.get()), ::closedir);
    if (!dir)
        return fail_errno("opendir");
    (void)again.release();
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(dir.get()))
        if (const std::string_view name = entry->d_name; name != "." && name != "..")
            names.emplace_back(name);
    return names;
}

Result<struct stat> look_at(int directory, const std::string& name) {
    struct stat info{};
    if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == -1)
        return fail_errno("stat", name);
    return info;
}

class TreeCopy {
  public:
    explicit TreeCopy(const disk::Watch& watch) : watch_(watch) {}

    Status directory(int from, int to, const std::string& place, std::size_t depth) {
        if (depth > max_depth)
            return fail(ErrorKind::limit_exceeded, "'" + place + "' lies too deep");
        for (const std::string& name : MSB_TRY(names_of(from)))
            MSB_TRY_WRAP(entry(from, to, name, place, depth), "'" + place + "/" + name + "'");
        return attributes(from, to);
    }

  private:
    Status entry(int from, int to, const std::string& name, const std::string& place,
                 std::size_t depth) {
        const struct stat info = MSB_TRY(look_at(from, name));
        const char* const path = name.c_str();
        if (S_ISDIR(info.st_mode)) {
            if (::mkdirat(to, path, 0700) == -1)
                return fail_errno("mkdir");
            const OwnedFd inside = MSB_TRY(open_below(from, path, O_RDONLY | O_DIRECTORY));
            const OwnedFd copy = MSB_TRY(open_below(to, path, O_RDONLY | O_DIRECTORY));
            return directory(inside.get(), copy.get(), place + "/" + name, depth + 1);
        }
        if (const auto first = linked_.find(id_of(info));
            info.st_nlink > 1 && first != linked_.end()) {
            if (::linkat(first->second.first, first->second.second.c_str(), to, path, 0) == -1)
                return fail_errno("link");
            return {};
        }
        if (S_ISREG(info.st_mode))
            MSB_TRY(file(from, to, path));
        else if (S_ISLNK(info.st_mode))
            MSB_TRY(link(from, to, path, info));
        else if (S_ISFIFO(info.st_mode) && ::mkfifoat(to, path, info.st_mode & 07777) == -1)
            return fail_errno("mkfifo");
        else if (!S_ISFIFO(info.st_mode))
            return fail(ErrorKind::unsupported, "device nodes and sockets are not copied");
        if (info.st_nlink > 1)
            MSB_TRY(remember(info, to, name));
        return {};
    }

    Status file(int from, int to, const char* name) {
        const OwnedFd source = MSB_TRY(open_below(from, name, O_RDONLY));
        if (!S_ISREG(MSB_TRY(sys::fstat(source.get())).st_mode))
            return fail(ErrorKind::busy, "it is being changed");
        const OwnedFd copy(
            ::openat(to, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (!copy)
            return fail_errno("create");
        MSB_TRY(disk::copy_sparse(source.get(), copy.get(), [&](std::uint64_t done, std::uint64_t) {
            return watch_ && watch_(done_ + done, 0);
        }));
        const struct stat info = MSB_TRY(sys::fstat(source.get()));
        done_ += static_cast<std::uint64_t>(info.st_size);
        return attributes(source.get(), copy.get());
    }

    static Status link(int from, int to, const char* name, const struct stat& info) {
        std::array<char, PATH_MAX> target{};
        const ssize_t length = ::readlinkat(from, name, target.data(), target.size() - 1);
        if (length < 0)
            return fail_errno("readlink");
        if (::symlinkat(target.data(), to, name) == -1)
            return fail_errno("symlink");
        (void)!::fchownat(to, name, info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW);
        return {};
    }

    /// The directory stays open for as long as a second name may come; few files have one.
    Status remember(const struct stat& info, int directory, const std::string& name) {
        OwnedFd& kept = directories_[id_of(MSB_TRY(sys::fstat(directory)))];
        if (!kept)
            kept = MSB_TRY(open_below(directory, ".", O_PATH | O_DIRECTORY));
        linked_[id_of(info)] = {kept.get(), name};
        return {};
    }

    /// Owner, mode, times and extended attributes. An owner that we may not give is left out.
    static Status attributes(int from, int to) {
        const struct stat info = MSB_TRY(sys::fstat(from));
        MSB_TRY(extended_attributes(from, to));
        if (::fchown(to, info.st_uid, info.st_gid) == -1 && errno != EPERM)
            return fail_errno("chown");
        if (::fchmod(to, info.st_mode & 07777) == -1)
            return fail_errno("chmod");
        const std::array<timespec, 2> times = {info.st_atim, info.st_mtim};
        if (::futimens(to, times.data()) == -1)
            return fail_errno("utimens");
        return {};
    }

    static Status extended_attributes(int from, int to) {
        std::string names(max_attribute_bytes, '\0');
        const ssize_t length = ::flistxattr(from, names.data(), names.size());
        if (length < 0)
            return errno == EOPNOTSUPP ? Status() : fail_errno("listxattr");
        names.resize(static_cast<std::size_t>(length));
        Bytes value(max_attribute_bytes);
        for (std::size_t at = 0; at < names.size(); at = names.find('\0', at) + 1) {
            const char* const name = names.c_str() + at;
            const ssize_t size = ::fgetxattr(from, name, value.data(), value.size());
            if (size >= 0 &&
                ::fsetxattr(to, name, value.data(), static_cast<std::size_t>(size), 0) == -1 &&
                errno != EPERM)
                return fail_errno("setxattr", name);
        }
        return {};
    }

    const disk::Watch& watch_;
    std::uint64_t done_ = 0;
    std::map<FileId, OwnedFd> directories_;
    std::map<FileId, std::pair<int, std::string>> linked_; ///< the first name of a copy
};

Status add_bytes(int directory, std::size_t depth, std::set<FileId>& seen, std::uint64_t& total) {
    if (depth > max_depth)
        return {};
    for (const std::string& name : MSB_TRY(names_of(directory))) {
        const auto info = look_at(directory, name);
        if (!info) // gone meanwhile
            continue;
        if (info->st_nlink > 1 && !S_ISDIR(info->st_mode) && !seen.insert(id_of(*info)).second)
            continue;
        total += static_cast<std::uint64_t>(info->st_blocks) * 512;
        if (!S_ISDIR(info->st_mode))
            continue;
        if (const auto inside = open_below(directory, name.c_str(), O_RDONLY | O_DIRECTORY))
            MSB_TRY(add_bytes(inside->get(), depth + 1, seen, total));
    }
    return {};
}

} // namespace

Status copy_tree(const std::string& from, const std::string& to, const disk::Watch& watch) {
    const OwnedFd source = MSB_TRY(sys::open(from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    const OwnedFd copy = MSB_TRY(sys::open(to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    MSB_TRY(TreeCopy(watch).directory(source.get(), copy.get(), ".", 0));
    // A call for each file would wait for the disk as often.
    if (::syncfs(copy.get()) == -1)
        return fail_errno("syncfs", to);
    return {};
}

Result<std::uint64_t> tree_bytes(const std::string& directory) {
    const OwnedFd fd = MSB_TRY(sys::open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    std::uint64_t total = 0;
    std::set<FileId> seen;
    MSB_TRY(add_bytes(fd.get(), 0, seen, total));
    return total;
}

} // namespace msb
