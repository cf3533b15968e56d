// rm -r of a tree that somebody may be changing meanwhile, and that may be nested as deeply as its
// maker liked. One descriptor is enough: down by name without following links, up by "..", which is
// checked to be the directory that we came from.
#include "agent/files/ops.hpp"
#include "base/system.hpp"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

namespace msb::agent {

namespace {

constexpr std::size_t max_depth = 100'000;
constexpr std::size_t max_names = 16'384; ///< subdirectories remembered, over all levels
constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

class Remover {
  public:
    Remover(const std::string& path, const Cancellation& cancellation)
        : path_(path), cancellation_(cancellation) {}

    Status run() {
        current_ = MSB_TRY(open(AT_FDCWD, path_));
        MSB_TRY(enter({}));
        while (!levels_.empty()) {
            MSB_TRY(cancellation_.check());
            MSB_TRY(step());
        }
        if (::rmdir(path_.c_str()) == -1)
            return fail_errno("rmdir", path_);
        return {};
    }

  private:
    struct Level {
        dev_t device = 0;
        ino_t inode = 0;
        std::string name;
        std::vector<std::string> directories; ///< in it, still to be removed
        bool complete = true;                 ///< there are no others
    };

    Result<OwnedFd> open(int from, const std::string& name) const {
        OwnedFd fd(::openat(from, name.c_str(), directory_flags));
        if (!fd)
            return fail_errno("open", name);
        return fd;
    }
    Status enter(std::string name);
    Status step();
    Status scan(Level& level);
    Status leave();

    const std::string& path_;
    const Cancellation& cancellation_;
    OwnedFd current_; ///< the innermost level
    std::vector<Level> levels_;
    std::size_t names_ = 0;
};

Status Remover::enter(std::string name) {
    if (levels_.size() == max_depth)
        return fail(ErrorKind::limit_exceeded, "'" + path_ + "' is nested too deeply");
    const auto info = MSB_TRY(sys::fstat(current_.get()));
    levels_.push_back({.device = info.st_dev, .inode = info.st_ino, .name = std::move(name)});
    return scan(levels_.back());
}

/// Removes what is not a directory and notes what is.
Status Remover::scan(Level& level) {
    level.complete = true;
    OwnedFd copy = MSB_TRY(open(current_.get(), "."));
    const std::unique_ptr<DIR, OpenHandle::CloseDir> dir(::fdopendir(copy.get()));
    if (!dir)
        return fail_errno("fdopendir", path_);
    (void)copy.release();
    for (;;) {
        MSB_TRY(cancellation_.check());
        errno = 0;
        const dirent* entry = ::readdir(dir.get());
        if (entry == nullptr && errno != 0)
            return fail_errno("readdir", path_);
        if (entry == nullptr)
            return {};
        const std::string_view name = entry->d_name;
        if (name == "." || name == "..")
            continue;
        if (::unlinkat(current_.get(), entry->d_name, 0) == 0 || errno == ENOENT)
            continue;
        if (errno != EISDIR && (errno != EPERM || entry->d_type != DT_DIR))
            return fail_errno("unlink", name);
        if (names_ == max_names) {
            level.complete = false;
            return {};
        }
        level.directories.emplace_back(name);
        ++names_;
    }
}

Status Remover::step() {
    Level& level = levels_.back();
    if (level.directories.empty())
        return level.complete ? leave() : scan(level);
    std::string name = std::move(level.directories.back());
    level.directories.pop_back();
    --names_;
    auto child = open(current_.get(), name);
    if (!child && child.error().sys_errno() == ENOENT)
        return {};
    current_ = MSB_TRY(std::move(child));
    return enter(std::move(name));
}

Status Remover::leave() {
    const std::string name = std::move(levels_.back().name);
    levels_.pop_back();
    if (levels_.empty()) {
        current_.reset();
        return {};
    }
    OwnedFd parent(::openat(current_.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent)
        return fail_errno("open", "..");
    const auto info = MSB_TRY(sys::fstat(parent.get()));
    if (info.st_dev != levels_.back().device || info.st_ino != levels_.back().inode)
        return fail(Error::from_errno(EBUSY, "'" + name + "' was moved while it was removed"));
    current_ = std::move(parent);
    if (::unlinkat(current_.get(), name.c_str(), AT_REMOVEDIR) == -1 && errno != ENOENT)
        return fail_errno("rmdir", name);
    return {};
}

} // namespace

Status remove_recursively(const std::string& path, const Cancellation& cancellation) {
    return Remover(path, cancellation).run();
}

} // namespace msb::agent
