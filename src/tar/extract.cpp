// Theory of operation
//
// Entries are made relative to a stack of open directories, one per component of the current path,
// each opened with O_NOFOLLOW below its parent: an archive cannot reach anything through a link,
// whether it made the link itself or found it.
//
// A directory is either "ours", which means that a directory made by this extraction contains it,
// or it was there before. In a directory of ours, things are made under their names, because the
// outermost one of ours still has a temporary name (mode 0700) and becomes visible, complete, by
// one rename. In a directory that was there before, every new thing has a temporary name first.
// So what is left by a failure is exactly the temporary names on the stack, and what is left by
// SIGKILL is found by the next extraction into the same directory: temporary files and directories
// are flocked by who makes them.

#include "tar/extract.hpp"

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/own_xattrs.hpp"
#include "base/system.hpp"
#include "tar/links.hpp"
#include "tar/tar.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/file.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <vector>

namespace msb {

namespace {

constexpr std::string_view temporary_prefix = ".msb-copy-";
constexpr int max_swept = 4096;   ///< entries looked at for leftovers
constexpr time_t lock_delay = 10; ///< seconds; more than passes between making and locking
constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

std::string temporary_name() {
    static std::atomic<unsigned> counter{0};
    return std::string(temporary_prefix) + std::to_string(::getpid()) + "-" +
           std::to_string(counter++);
}

/// As utimensat takes them.
std::array<timespec, 2> times_of(const TarEntry& entry) {
    timespec accessed{0, UTIME_NOW};
    if (entry.atime)
        accessed = {entry.atime->first, entry.atime->second};
    return {accessed, {entry.mtime, entry.mtime_nsec}};
}

/// Removes a file or a whole directory. /proc leads to the very directory, whatever its path is.
void remove_at(int dir_fd, const std::string& name) {
    if (::unlinkat(dir_fd, name.c_str(), 0) == 0 || errno == ENOENT)
        return;
    (void)remove_tree("/proc/self/fd/" + std::to_string(dir_fd) + "/" + name);
}

/// Whether a temporary file is abandoned: its maker has ended, or has not locked it for long.
bool is_abandoned(int fd, std::string_view name) {
    name.remove_prefix(temporary_prefix.size());
    const pid_t maker = std::atoi(std::string(name).c_str());
    struct stat info{};
    if (::flock(fd, LOCK_EX | LOCK_NB) == -1 || ::fstat(fd, &info) == -1)
        return false;
    const bool maker_lives = maker > 0 && (::kill(maker, 0) == 0 || errno == EPERM);
    return !maker_lives || info.st_ctim.tv_sec + lock_delay < ::time(nullptr);
}

/// Removes what a killed extraction has left in this directory.
void sweep(int dir_fd) {
    OwnedFd copy(::openat(dir_fd, ".", directory_flags));
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(copy ? ::fdopendir(copy.get()) : nullptr,
                                                  ::closedir);
    if (!dir)
        return;
    (void)copy.release();
    for (int i = 0; i < max_swept; ++i) {
        const dirent* entry = ::readdir(dir.get());
        if (entry == nullptr)
            return;
        const std::string name = entry->d_name;
        if (!name.starts_with(temporary_prefix))
            continue;
        const OwnedFd left(
            ::openat(dir_fd, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        if (left && is_abandoned(left.get(), name))
            remove_at(dir_fd, name);
    }
}

/// Components without "." and empty ones; ".." and absolute names are not what an honest archive
/// of a copied tree has.
Result<std::vector<std::string>> split(const std::string& path) {
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        std::string part = path.substr(begin, end - begin);
        if (part == "..")
            return fail(ErrorKind::permission_denied, "refused: the archive names '" + path + "'");
        if (!part.empty() && part != ".")
            parts.push_back(std::move(part));
        begin = end + 1;
    }
    if (parts.size() > max_tree_depth)
        return fail(ErrorKind::limit_exceeded, "'" + path + "' is nested too deeply");
    return parts;
}

class Extractor {
  public:
    Extractor(int directory, const ExtractOptions& options, Source& archive, TreeProgress& progress)
        : options_(options), tar_(archive), progress_(progress) {
        levels_.push_back({.borrowed = directory});
    }
    /// Removes what has only a temporary name.
    ~Extractor();
    Extractor(const Extractor&) = delete;
    Extractor& operator=(const Extractor&) = delete;

    Status run();

  private:
    /// A directory on the way to the current entry.
    struct Level {
        OwnedFd owned;
        int borrowed = -1;
        std::string name;      ///< in the parent, once it is complete
        std::string temporary; ///< in the parent, until then
        bool ours = false;
        bool swept = false;
        std::optional<TarEntry> attributes; ///< to be set when it is complete
        int fd() const { return owned ? owned.get() : borrowed; }
    };

    Status add(TarEntry& entry);
    Status enter(const std::vector<std::string>& parts, std::size_t count);
    Status enter_directory(const std::string& name);
    Status make_directory(const std::string& name);
    Status leave();
    Status add_directory(TarEntry& entry, const std::vector<std::string>& parts);
    Status add_file(const TarEntry& entry, const std::string& name);
    Status write_data(int fd, const TarEntry& entry);
    Status add_symlink(const TarEntry& entry, const std::string& name, std::size_t depth);
    Status add_hard_link(const TarEntry& entry, const std::string& name);
    Status check_linked(const TarEntry& entry, const std::string& working);
    /// The name to make something under: `name`, or a temporary one.
    std::string working_name(const std::string& name);
    Status make_room(const std::string& name);
    Status publish(const std::string& name);
    Status set_attributes(int fd, const TarEntry& entry);
    std::string where(const std::string& name) const;

    const ExtractOptions& options_;
    TarReader tar_;
    TreeProgress& progress_;
    std::vector<Level> levels_;
    std::string pending_; ///< temporary name in the innermost level
};

Extractor::~Extractor() {
    if (!pending_.empty())
        remove_at(levels_.back().fd(), pending_);
    for (; levels_.size() > 1; levels_.pop_back())
        if (const std::string& temporary = levels_.back().temporary; !temporary.empty())
            remove_at(levels_[levels_.size() - 2].fd(), temporary);
}

std::string Extractor::where(const std::string& name) const {
    std::string path;
    for (std::size_t i = 1; i < levels_.size(); ++i)
        path += levels_[i].name + "/";
    return path + name;
}

Status Extractor::run() {
    while (auto entry = MSB_TRY(tar_.next())) {
        MSB_TRY(progress_.step(0));
        MSB_TRY(add(*entry));
        ++progress_.entries;
    }
    while (levels_.size() > 1)
        MSB_TRY(leave());
    return {};
}

Status Extractor::add(TarEntry& entry) {
    const auto parts = MSB_TRY(split(entry.path));
    if (options_.only && (parts.empty() || parts[0] != *options_.only))
        return fail(ErrorKind::permission_denied,
                    "refused: the archive names '" + entry.path + "'");
    if (entry.type == TarType::directory)
        return add_directory(entry, parts);
    if (parts.empty())
        return fail(ErrorKind::corrupt, "the archive has a file without a name");
    MSB_TRY(enter(parts, parts.size() - 1));
    const std::string& name = parts.back();
    switch (entry.type) {
    case TarType::file: return add_file(entry, name);
    case TarType::symlink: return add_symlink(entry, name, parts.size() - 1);
    case TarType::hard_link: return add_hard_link(entry, name);
    default:
        return fail(ErrorKind::unsupported,
                    "'" + entry.path + "' is a device node or FIFO, which cannot be copied");
    }
}

/// Makes the first `count` parts the current directory.
Status Extractor::enter(const std::vector<std::string>& parts, std::size_t count) {
    std::size_t same = 0;
    while (same < count && same + 1 < levels_.size() && levels_[same + 1].name == parts[same])
        ++same;
    while (levels_.size() > same + 1)
        MSB_TRY(leave());
    for (; same < count; ++same)
        MSB_TRY(enter_directory(parts[same]));
    return {};
}

Status Extractor::enter_directory(const std::string& name) {
    Level& parent = levels_.back();
    OwnedFd fd(::openat(parent.fd(), name.c_str(), directory_flags));
    if (!fd && errno == ENOENT)
        return make_directory(name);
    if (!fd && (errno == ELOOP || errno == ENOTDIR))
        return fail(ErrorKind::already_exists,
                    "'" + where(name) + "' exists and is not a directory");
    if (!fd)
        return fail_errno("open", where(name));
    levels_.push_back({.owned = std::move(fd), .name = name, .ours = parent.ours});
    return {};
}

Status Extractor::make_directory(const std::string& name) {
    Level level{.name = name, .ours = true};
    const std::string working = working_name(name);
    if (working != name)
        level.temporary = working;
    const int parent = levels_.back().fd();
    if (::mkdirat(parent, working.c_str(), 0700) == -1)
        return fail_errno("mkdir", where(name));
    level.owned = OwnedFd(::openat(parent, working.c_str(), directory_flags));
    if (!level.owned) {
        const int reason = errno;
        ::unlinkat(parent, working.c_str(), AT_REMOVEDIR);
        return fail(Error::from_errno(reason, "open", where(name)));
    }
    if (!level.temporary.empty())
        (void)::flock(level.owned.get(), LOCK_EX | LOCK_NB);
    TarEntry attributes; // unless the archive has an entry of its own for it
    attributes.type = TarType::directory;
    attributes.mode = 0755;
    attributes.mtime = -1;
    level.attributes = std::move(attributes);
    levels_.push_back(std::move(level));
    return {};
}

/// The innermost directory is complete.
Status Extractor::leave() {
    Level& level = levels_.back();
    const int parent = levels_[levels_.size() - 2].fd();
    if (level.attributes)
        MSB_TRY(set_attributes(level.fd(), *level.attributes));
    if (!level.temporary.empty()) {
        const std::string name = where("");
        if (::renameat2(parent, level.temporary.c_str(), parent, level.name.c_str(),
                        RENAME_NOREPLACE) == -1) {
            // Not every file system knows the flag; a directory replaces an empty one at most.
            if (errno != EINVAL ||
                ::renameat(parent, level.temporary.c_str(), parent, level.name.c_str()) == -1)
                return fail_errno("rename", name);
        }
        level.temporary.clear();
    }
    levels_.pop_back();
    return {};
}

Status Extractor::add_directory(TarEntry& entry, const std::vector<std::string>& parts) {
    MSB_TRY(enter(parts, parts.size()));
    Level& level = levels_.back();
    if (level.ours)
        level.attributes = std::move(entry);
    return {};
}

std::string Extractor::working_name(const std::string& name) {
    Level& level = levels_.back();
    if (level.ours)
        return name;
    if (!std::exchange(level.swept, true))
        sweep(level.fd());
    return temporary_name();
}

/// An archive may have a name twice; the last entry counts.
Status Extractor::make_room(const std::string& name) {
    if (::unlinkat(levels_.back().fd(), name.c_str(), 0) == -1)
        return fail_errno("replace", where(name));
    return {};
}

/// Renames the temporary file to its own name; it may replace a file or link, nothing else.
Status Extractor::publish(const std::string& name) {
    const int dir = levels_.back().fd();
    struct stat info{};
    const bool present = ::fstatat(dir, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
    if (present && S_ISDIR(info.st_mode))
        return fail(ErrorKind::already_exists, "'" + where(name) + "' is a directory");
    if (present && !S_ISREG(info.st_mode) && !S_ISLNK(info.st_mode))
        return fail(ErrorKind::already_exists,
                    "'" + where(name) + "' is not a regular file; it is not replaced");
    if (present && !options_.overwrite)
        return fail(ErrorKind::already_exists, "'" + where(name) + "' exists");
    if (::renameat(dir, pending_.c_str(), dir, name.c_str()) == -1)
        return fail_errno("rename", where(name));
    // rename(2) of two names of one file does nothing.
    ::unlinkat(dir, pending_.c_str(), 0);
    pending_.clear();
    return {};
}

Status Extractor::set_attributes(int fd, const TarEntry& entry) {
    if (options_.owners && ::fchown(fd, entry.uid, entry.gid) == -1)
        return fail_errno("chown", entry.path);
    for (const auto& [name, value] : entry.xattrs) {
        const bool own = name.starts_with(own_xattr_prefix);
        const bool wanted =
            own ? options_.own_xattrs : options_.owners || name.starts_with("user.");
        if (!wanted)
            continue;
        // A share does not let a guest set our own attributes.
        if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) == -1 &&
            errno != ENOTSUP && errno != EPERM && (!own || errno != EACCES))
            return fail_errno("setxattr", entry.path);
    }
    // Without their owners, setuid and setgid would mean somebody else.
    std::uint32_t mode = entry.mode;
    if (!options_.owners)
        mode &= entry.type == TarType::directory ? 01777U : 00777U;
    if (::fchmod(fd, mode) == -1)
        return fail_errno("chmod", entry.path);
    if (entry.type == TarType::directory && entry.path.empty())
        return {}; // without an entry of its own its times stay
    if (::futimens(fd, times_of(entry).data()) == -1)
        return fail_errno("utimens", entry.path);
    return {};
}

Status Extractor::add_file(const TarEntry& entry, const std::string& name) {
    const std::string working = working_name(name);
    const int dir = levels_.back().fd();
    constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    OwnedFd fd(::openat(dir, working.c_str(), flags, 0600));
    if (!fd && errno == EEXIST && working == name) {
        MSB_TRY(make_room(name));
        fd = OwnedFd(::openat(dir, working.c_str(), flags, 0600));
    }
    if (!fd)
        return fail_errno("create", where(name));
    if (working != name) {
        pending_ = working;
        (void)::flock(fd.get(), LOCK_EX | LOCK_NB);
    }
    MSB_TRY(write_data(fd.get(), entry));
    MSB_TRY(set_attributes(fd.get(), entry));
    return working == name ? Status{} : publish(name);
}

Status Extractor::write_data(int fd, const TarEntry& entry) {
    std::uint64_t end = 0;
    while (const auto part = MSB_TRY(tar_.next_data())) {
        BytesView bytes = part->bytes;
        end = part->offset;
        while (!bytes.empty()) {
            const ssize_t count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(end));
            if (count == -1 && errno != EINTR)
                return fail_errno("write", entry.path);
            if (count > 0) {
                bytes = bytes.subspan(static_cast<std::size_t>(count));
                end += static_cast<std::uint64_t>(count);
            }
            MSB_TRY(progress_.step(count > 0 ? static_cast<std::uint64_t>(count) : 0));
        }
    }
    if (end < entry.size && ::ftruncate(fd, static_cast<off_t>(entry.size)) == -1)
        return fail_errno("truncate", entry.path);
    return {};
}

Status Extractor::add_symlink(const TarEntry& entry, const std::string& name, std::size_t depth) {
    std::string target = entry.link;
    if (options_.links != LinkPolicy::keep) {
        // With a name for the tree, its top is the first component, and what lies in it at depth 0.
        const std::size_t top = options_.only && depth > 0 ? 1 : 0;
        auto confined = confine_link(target, depth - top, options_.origin);
        if (!confined && options_.links == LinkPolicy::skip) {
            if (options_.skipped_links != nullptr)
                ++*options_.skipped_links;
            return {};
        }
        if (!confined)
            return fail(std::move(confined).error().wrap("'" + entry.path + "'"));
        target = std::move(*confined);
    }
    const std::string working = working_name(name);
    const int dir = levels_.back().fd();
    int made = ::symlinkat(target.c_str(), dir, working.c_str());
    if (made == -1 && errno == EEXIST && working == name) {
        MSB_TRY(make_room(name));
        made = ::symlinkat(target.c_str(), dir, working.c_str());
    }
    if (made == -1)
        return fail_errno("symlink", where(name));
    if (working != name)
        pending_ = working;
    if (options_.owners &&
        ::fchownat(dir, working.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) == -1)
        return fail_errno("chown", where(name));
    (void)::utimensat(dir, working.c_str(), times_of(entry).data(), AT_SYMLINK_NOFOLLOW);
    return working == name ? Status{} : publish(name);
}

Status Extractor::add_hard_link(const TarEntry& entry, const std::string& name) {
    const auto parts = MSB_TRY(split(entry.link));
    if (parts.empty() || (options_.only && parts[0] != *options_.only))
        return fail(ErrorKind::permission_denied,
                    "refused: the archive links to '" + entry.link + "'");
    // Down the stack as far as it goes: what is there may have a temporary name.
    std::size_t level = 0;
    while (level + 1 < parts.size() && level + 1 < levels_.size() &&
           levels_[level + 1].name == parts[level])
        ++level;
    OwnedFd opened;
    for (std::size_t i = level; i + 1 < parts.size(); ++i) {
        const int from = opened ? opened.get() : levels_[level].fd();
        OwnedFd next(::openat(from, parts[i].c_str(), directory_flags));
        if (!next)
            return fail_errno("open", entry.link);
        opened = std::move(next);
    }
    const int from = opened ? opened.get() : levels_[level].fd();
    const std::string working = working_name(name);
    const int dir = levels_.back().fd();
    int made = ::linkat(from, parts.back().c_str(), dir, working.c_str(), 0);
    if (made == -1 && errno == EEXIST && working == name && parts.back() != name) {
        MSB_TRY(make_room(name));
        made = ::linkat(from, parts.back().c_str(), dir, working.c_str(), 0);
    }
    if (made == -1)
        return fail_errno("link", where(name));
    if (Status linked = check_linked(entry, working); !linked) {
        ::unlinkat(dir, working.c_str(), 0);
        return linked;
    }
    if (working == name)
        return {};
    pending_ = working;
    return publish(name);
}

/// Looks at the new name, not at the old one, which may be another file's by now. A symbolic link
/// was judged where it was made (or was there before), and this is another place.
Status Extractor::check_linked(const TarEntry& entry, const std::string& working) {
    struct stat info{};
    if (::fstatat(levels_.back().fd(), working.c_str(), &info, AT_SYMLINK_NOFOLLOW) == -1)
        return fail_errno("link", entry.path);
    if (S_ISLNK(info.st_mode) && options_.links != LinkPolicy::keep)
        return fail(ErrorKind::permission_denied,
                    "refused: '" + entry.path + "' is a hard link to a symbolic link");
    if (!S_ISREG(info.st_mode) && !S_ISLNK(info.st_mode))
        return fail(ErrorKind::corrupt, "'" + entry.path + "' links to something not copied");
    return {};
}

} // namespace

Status extract_tree(int directory, const ExtractOptions& options, Source& archive,
                    TreeProgress& progress) {
    return Extractor(directory, options, archive, progress).run();
}

} // namespace msb
