#include "base/file.hpp"

#include "base/system.hpp"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

namespace msb {

namespace {

Result<std::string> read_all(const OwnedFd& fd, const std::string& path, std::size_t limit) {
    std::string data;
    std::size_t used = 0;
    for (;;) {
        data.resize(std::min(limit + 1, std::max<std::size_t>(4096, used * 2)));
        auto count = sys::read(
            fd.get(), {reinterpret_cast<std::uint8_t*>(data.data()) + used, data.size() - used});
        if (!count)
            return fail(std::move(count).error().wrap("cannot read '" + path + "'"));
        used += *count;
        if (used > limit)
            return fail(ErrorKind::limit_exceeded,
                        "'" + path + "' is larger than " + std::to_string(limit) + " bytes");
        if (*count == 0)
            break;
    }
    data.resize(used);
    return data;
}

} // namespace

Result<std::string> read_file(const std::string& path, std::size_t limit) {
    return read_all(MSB_TRY(sys::open(path, O_RDONLY)), path, limit);
}

Result<std::string> read_regular_file(const std::string& path, std::size_t limit) {
    const OwnedFd fd = MSB_TRY(sys::open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    if (!S_ISREG(MSB_TRY(sys::fstat(fd.get())).st_mode))
        return fail(ErrorKind::corrupt, "'" + path + "' is not a regular file");
    return read_all(fd, path, limit);
}

std::string temporary_name(const std::string& path) {
    static std::atomic<unsigned> counter{0};
    return path + "." + std::to_string(::getpid()) + "-" + std::to_string(counter++) + ".tmp";
}

namespace {

Status write_new_file(const std::string& path, std::string_view data, mode_t mode, bool durable) {
    const OwnedFd fd = MSB_TRY(sys::open(path, O_WRONLY | O_CREAT | O_TRUNC, mode));
    MSB_TRY_WRAP(sys::write_all(fd.get(), as_bytes(data)), "cannot write '" + path + "'");
    if (durable)
        MSB_TRY(sys::fsync(fd.get(), path));
    return {};
}

} // namespace

Status write_file_atomic(const std::string& path, std::string_view data, mode_t mode,
                         bool durable) {
    const std::string temporary = temporary_name(path);
    Status written = write_new_file(temporary, data, mode, durable);
    if (written)
        written = sys::rename(temporary, path);
    if (!written) {
        (void)sys::unlink(temporary);
        return written;
    }
    if (!durable)
        return {};
    const OwnedFd directory = MSB_TRY(sys::open(parent_of(path), O_RDONLY | O_DIRECTORY));
    return sys::fsync(directory.get(), path);
}

Status make_directories(const std::string& path, mode_t mode) {
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        const std::string part = path.substr(0, end);
        if (::mkdir(part.c_str(), mode) == -1 && errno != EEXIST) {
            // A parent on a read-only file system says EROFS even when it exists.
            const int reason = errno;
            struct stat info{};
            if (::stat(part.c_str(), &info) == -1 || !S_ISDIR(info.st_mode))
                return fail(Error::from_errno(reason, "mkdir", part));
        }
        if (end == std::string::npos)
            break;
    }
    struct stat info{};
    if (::stat(path.c_str(), &info) == 0 && !S_ISDIR(info.st_mode))
        return fail(Error::from_errno(ENOTDIR, "mkdir", path));
    return {};
}

namespace {

/// A directory that is nested deeper than this is first moved up, so that neither descriptors nor stack
/// run out: a guest nests as deep as it likes.
constexpr int max_remove_depth = 64;

class TreeRemoval {
  public:
    explicit TreeRemoval(int top) : top_(top) {}

    /// Everything in the top directory.
    Status run(const std::string& path) {
        do {
            moved_ = false;
            MSB_TRY(entries(MSB_TRY(sys::open_at(top_, ".", O_RDONLY | O_DIRECTORY)), path, 0));
        } while (moved_);
        return {};
    }

  private:
    Status entries(OwnedFd dir_fd, const std::string& path, int depth) {
        std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(dir_fd.get()), ::closedir);
        if (!dir)
            return fail_errno("fdopendir", path);
        const int fd = dir_fd.release();
        while (const dirent* entry = ::readdir(dir.get())) {
            const std::string name = entry->d_name;
            if (name == "." || name == "..")
                continue;
            if (::unlinkat(fd, entry->d_name, 0) == 0 || errno == ENOENT)
                continue;
            if (errno != EISDIR && errno != EPERM)
                return fail_errno("unlink", path + "/" + name);
            MSB_TRY(depth < max_remove_depth ? directory(fd, name, path + "/" + name, depth)
                                             : move_up(fd, name, path + "/" + name));
        }
        return {};
    }

    Status directory(int parent, const std::string& name, const std::string& path, int depth) {
        auto child = sys::open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (!child)
            return fail(std::move(child).error());
        MSB_TRY(entries(std::move(*child), path, depth + 1));
        if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == -1 && errno != ENOENT)
            return fail_errno("rmdir", path);
        return {};
    }

    Status move_up(int parent, const std::string& name, const std::string& path) {
        for (;;) {
            const std::string target = ".deep-" + std::to_string(next_++);
            if (::renameat2(parent, name.c_str(), top_, target.c_str(), RENAME_NOREPLACE) == 0)
                return moved_ = true, Status();
            if (errno != EEXIST)
                return fail_errno("rename", path);
        }
    }

    int top_;
    unsigned next_ = 0;
    bool moved_ = false; ///< into the top directory, which has to be read again
};

} // namespace

Status remove_tree(const std::string& path) {
    auto dir = sys::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!dir) {
        if (dir.error().sys_errno() == ENOENT)
            return {};
        if (dir.error().sys_errno() == ENOTDIR || dir.error().sys_errno() == ELOOP)
            return sys::unlink(path);
        return fail(std::move(dir).error());
    }
    MSB_TRY(TreeRemoval(dir->get()).run(path));
    if (::rmdir(path.c_str()) == -1 && errno != ENOENT)
        return fail_errno("rmdir", path);
    return {};
}

std::string parent_of(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos)
        return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

bool exists(const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

Result<std::string> executable_directory() {
    std::string path(4096, '\0');
    const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
    if (length < 0)
        return fail_errno("readlink", "/proc/self/exe");
    path.resize(static_cast<std::size_t>(length));
    return path.substr(0, path.rfind('/'));
}

} // namespace msb
