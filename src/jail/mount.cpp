// Order of events: sources are opened as detached mounts first (a source may lie below the
// directory that the new root is put on), then a tmpfs becomes the new root, is filled, and
// replaces the old one. Everything works on descriptors; no path of the old root is used after the
// first step.
#include "jail/mount.hpp"

#include "base/bytes.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace msb::jail {

namespace {

// The new root is mounted here before it becomes the root; any directory will do.
constexpr const char* staging_directory = "/dev";
/// What a root may hold besides the files it is made with.
constexpr std::size_t spare_root_bytes = std::size_t{256} << 10;

struct Descriptor {
    int fd = -1;
    Descriptor() = default;
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd >= 0)
            ::close(fd);
    }
};

struct Option {
    const char* key;
    const char* value;
};

/// A tmpfs that is not attached anywhere yet.
Step make_tmpfs(std::initializer_list<Option> options, unsigned attributes, Descriptor& mount) {
    Descriptor context;
    context.fd = ::fsopen("tmpfs", FSOPEN_CLOEXEC);
    MSB_STEP(check(context.fd, "fsopen", "tmpfs"));
    for (const Option& option : options)
        MSB_STEP(check(::fsconfig(context.fd, FSCONFIG_SET_STRING, option.key, option.value, 0),
                       "fsconfig", option.key));
    MSB_STEP(check(::fsconfig(context.fd, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0), "fsconfig",
                   "tmpfs"));
    mount.fd = ::fsmount(context.fd, FSMOUNT_CLOEXEC, attributes);
    return check(mount.fd, "fsmount", "tmpfs");
}

Step set_attributes(int mount, std::uint64_t attributes, const char* object,
                    unsigned recursive = 0) {
    mount_attr change{};
    change.attr_set = attributes;
    return check(::mount_setattr(mount, "", AT_EMPTY_PATH | recursive, &change, sizeof(change)),
                 "mount_setattr", object);
}

Step require_same(int fd, int wanted, const char* object) {
    struct stat now{};
    struct stat then{};
    MSB_STEP(check(::fstat(fd, &now), "fstat", object));
    MSB_STEP(check(::fstat(wanted, &then), "fstat", object));
    errno = ESTALE;
    return check(now.st_dev == then.st_dev && now.st_ino == then.st_ino ? 0 : -1, "open_tree",
                 object);
}

Step attach(int mount, int root, const char* target) {
    return check(::move_mount(mount, "", root, target + 1, MOVE_MOUNT_F_EMPTY_PATH), "move_mount",
                 target);
}

Step open_source(const Bind& bind, Descriptor& mount, bool& directory) {
    const unsigned recursive = bind.submounts ? AT_RECURSIVE : 0;
    mount.fd =
        ::open_tree(AT_FDCWD, bind.source.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive);
    MSB_STEP(check(mount.fd, "open_tree", bind.source.c_str()));
    if (bind.same_as >= 0)
        MSB_STEP(require_same(mount.fd, bind.same_as, bind.source.c_str()));
    struct stat info{};
    MSB_STEP(check(::fstat(mount.fd, &info), "fstat", bind.source.c_str()));
    directory = S_ISDIR(info.st_mode);
    std::uint64_t attributes = MOUNT_ATTR_NOSUID;
    if (!S_ISCHR(info.st_mode))
        attributes |= MOUNT_ATTR_NODEV;
    if (!bind.writable)
        attributes |= MOUNT_ATTR_RDONLY;
    if (!bind.executable)
        attributes |= MOUNT_ATTR_NOEXEC;
    return set_attributes(mount.fd, attributes, bind.source.c_str(), recursive);
}

Step write_file(int root, const MountPlan::File& file) {
    Descriptor out;
    out.fd =
        ::openat(root, file.path.c_str() + 1, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file.mode);
    MSB_STEP(check(out.fd, "open", file.path.c_str()));
    const ssize_t count = ::write(out.fd, file.content.data(), file.content.size());
    if (count >= 0 && static_cast<std::size_t>(count) != file.content.size())
        errno = ENOSPC;
    return check(count == static_cast<ssize_t>(file.content.size()) ? 0 : -1, "write",
                 file.path.c_str());
}

Step attach_bind(int root, const Bind& bind, const Descriptor& mount, bool directory) {
    const char* target = bind.target.c_str();
    if (directory) {
        if (::mkdirat(root, target + 1, 0755) == -1 && errno != EEXIST)
            return check(-1, "mkdir", target);
    } else {
        Descriptor place;
        place.fd = ::openat(root, target + 1, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0444);
        MSB_STEP(check(place.fd, "open", target));
    }
    return attach(mount.fd, root, target);
}

Step fill(const MountPlan& plan, int root, const std::array<Descriptor, max_binds>& sources,
          const std::array<bool, max_binds>& is_directory) {
    for (const std::string& directory : plan.directories)
        if (::mkdirat(root, directory.c_str() + 1, 0755) == -1 && errno != EEXIST)
            return check(-1, "mkdir", directory.c_str());
    for (const MountPlan::File& file : plan.files)
        MSB_STEP(write_file(root, file));
    for (std::size_t i = 0; i < plan.binds.size(); ++i)
        MSB_STEP(attach_bind(root, plan.binds[i], sources[i], is_directory[i]));
    if (!plan.shm_bytes.empty()) {
        // Executable: User Mode Linux maps guest memory PROT_EXEC.
        Descriptor shm;
        MSB_STEP(
            make_tmpfs({{"size", plan.shm_bytes.c_str()}, {"nr_inodes", "64"}, {"mode", "1777"}},
                       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, shm));
        MSB_STEP(attach(shm.fd, root, "/dev/shm"));
    }
    return {};
}

} // namespace

Status prepare(MountPlan& plan) {
    if (plan.binds.size() > max_binds)
        return fail(ErrorKind::limit_exceeded, fmt::format("jail: more than {} binds", max_binds));
    plan.directories.emplace_back(staging_directory); // so that a jail can be made inside this one
    if (!plan.shm_bytes.empty())
        plan.directories.emplace_back("/dev/shm");
    const auto add_parents = [&plan](const std::string& path) -> Status {
        if (path.size() < 2 || path[0] != '/' || path.find("/../") != std::string::npos)
            return fail(ErrorKind::invalid_argument, "jail: bad path '" + path + "'");
        for (auto slash = path.find('/', 1); slash != std::string::npos;
             slash = path.find('/', slash + 1))
            plan.directories.push_back(path.substr(0, slash));
        return {};
    };
    for (const Bind& bind : plan.binds)
        MSB_TRY(add_parents(bind.target));
    std::size_t root_bytes = spare_root_bytes;
    for (const MountPlan::File& file : plan.files) {
        MSB_TRY(add_parents(file.path));
        root_bytes += align_up<std::size_t>(file.content.size(), 4096);
    }
    plan.root_bytes = std::to_string(root_bytes);
    std::ranges::sort(plan.directories);
    const auto repeated = std::ranges::unique(plan.directories);
    plan.directories.erase(repeated.begin(), repeated.end());
    return {};
}

Step reopen_read_only(const char* path, int& fd) {
    Descriptor mount;
    mount.fd = ::open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    MSB_STEP(check(mount.fd, "open_tree", path));
    MSB_STEP(require_same(mount.fd, fd, path));
    MSB_STEP(set_attributes(
        mount.fd, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
        path));
    std::array<char, 32> name{};
    *fmt::format_to_n(name.data(), name.size() - 1, "/proc/self/fd/{}", mount.fd).out = '\0';
    fd = ::open(name.data(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    return check(fd, "open", path);
}

Step enter_root(const MountPlan& plan) {
    MSB_STEP(check(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr),
                   "mount(MS_PRIVATE)", "/"));
    std::array<Descriptor, max_binds> sources;
    std::array<bool, max_binds> is_directory{};
    for (std::size_t i = 0; i < plan.binds.size(); ++i)
        MSB_STEP(open_source(plan.binds[i], sources[i], is_directory[i]));

    ::umask(0);
    Descriptor root;
    MSB_STEP(make_tmpfs({{"size", plan.root_bytes.c_str()}, {"nr_inodes", "256"}, {"mode", "0755"}},
                        MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, root));
    MSB_STEP(check(::move_mount(root.fd, "", AT_FDCWD, staging_directory, MOVE_MOUNT_F_EMPTY_PATH),
                   "move_mount", staging_directory));
    MSB_STEP(fill(plan, root.fd, sources, is_directory));
    MSB_STEP(set_attributes(root.fd, MOUNT_ATTR_RDONLY, "/"));
    // pivot_root(".", ".") puts the old root on top of the new one; detaching it leaves ours.
    MSB_STEP(check(::fchdir(root.fd), "fchdir", "/"));
    MSB_STEP(check(::syscall(SYS_pivot_root, ".", "."), "pivot_root"));
    MSB_STEP(check(::umount2(".", MNT_DETACH), "umount", "/"));
    MSB_STEP(check(::chdir("/"), "chdir", "/"));
    ::umask(077);
    return {};
}

} // namespace msb::jail
