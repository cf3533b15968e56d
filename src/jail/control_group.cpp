// Kernel documentation: admin-guide/cgroup-v1/memory.rst, where a group is one directory in our own
// group, BASE/microsandbox-NAME, and nothing outlasts it; and admin-guide/cgroup-v2.rst. A group's
// controllers are chosen by its parent (cgroup.subtree_control), and a group other than the root
// that hands controllers on has no processes of its own. So: BASE hands on memory and pids already;
// BASE/microsandbox is ours and hands them on; BASE/microsandbox/NAME has a sandbox's processes.
// BASE is an ancestor of our own group, because moving a process needs write access to the common
// ancestor.
#include "jail/control_group.hpp"

#include "base/file.hpp"
#include "base/sizes.hpp"
#include "base/system.hpp"
#include "jail/roles.hpp"

#include <chrono>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/magic.h>
#include <memory>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <thread>
#include <unistd.h>

namespace msb::jail {

namespace {

constexpr const char* mount_point = "/sys/fs/cgroup";
constexpr const char* our_group = "/microsandbox";
constexpr unsigned period_us = 100'000;
/// A killed process leaves its group a moment after its locks.
constexpr int removal_attempts = 200;
constexpr auto removal_pause = std::chrono::milliseconds(1);
/// Of entries that are looked at for groups to sweep, and how old those must be.
constexpr int most_swept = 1024;
constexpr auto sweep_age = std::chrono::minutes(10);

Status put(const std::string& path, const std::string& value) {
    const OwnedFd fd = MSB_TRY(sys::open(path, O_WRONLY));
    MSB_TRY_WRAP(sys::write_all(fd.get(), as_bytes(value)), path);
    return {};
}

/// Whether a file of words ("cpu memory pids\n") has `word`.
bool has_word(const std::string& path, std::string_view word) {
    const std::string text = " " + read_file(path, 4096).value_or("") + " ";
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
        const char after = text[at + word.size()];
        if (text[at - 1] == ' ' && (after == ' ' || after == '\n'))
            return true;
    }
    return false;
}

bool hands_on_limits(const std::string& group) {
    const std::string control = group + "/cgroup.subtree_control";
    return has_word(control, "memory") && has_word(control, "pids");
}

/// Whether this is the root of all groups, the only one that may both have processes and hand on
/// controllers; it lacks a file that every other group has.
bool is_root(const std::string& group) {
    return !exists(group + "/cgroup.type");
}

bool is_on(const std::string& path, long file_system) {
    struct statfs info{};
    return ::statfs(path.c_str(), &info) == 0 && info.f_type == file_system;
}

/// Our own group's path in a hierarchy, from a line of /proc/self/cgroup: "0::/user.slice/..." for
/// version 2, "4:memory:/..." for a controller of version 1.
std::string own_group(std::string_view controller = "") {
    const std::string text = "\n" + read_file("/proc/self/cgroup", 64 << 10).value_or("");
    for (std::size_t line = 0; line != std::string::npos; line = text.find('\n', line + 1)) {
        const std::string_view rest = std::string_view(text).substr(line + 1);
        const auto names = rest.find(':'), path = rest.find(':', names + 1);
        if (names == std::string::npos || path == std::string::npos)
            continue;
        const std::string listed = fmt::format(",{},", rest.substr(names + 1, path - names - 1));
        if (listed.find(fmt::format(",{},", controller)) != std::string::npos)
            return std::string(rest.substr(path + 1, rest.find('\n') - path - 1));
    }
    return {};
}

/// The directory of our own group of version 1's memory controller, or nothing where there is none.
/// Only memory: the engine's processes are counted together as it is, by RLIMIT_NPROC in their own
/// user namespace, and each controller may have us in another group.
std::string legacy_group() {
    const std::string path = own_group("memory");
    return path.empty() ? "" : fmt::format("{}/memory{}", mount_point, path == "/" ? "" : path);
}

bool usable(const std::string& group) {
    if (::access(group.c_str(), W_OK) != 0 ||
        ::access((group + "/cgroup.procs").c_str(), W_OK) != 0)
        return false;
    return hands_on_limits(group) ||
           (is_root(group) && has_word(group + "/cgroup.controllers", "memory") &&
            has_word(group + "/cgroup.controllers", "pids"));
}

Status hand_on(const std::string& group) {
    if (!hands_on_limits(group))
        MSB_TRY(put(group + "/cgroup.subtree_control", "+memory +pids"));
    if (!has_word(group + "/cgroup.subtree_control", "cpu"))
        (void)put(group + "/cgroup.subtree_control", "+cpu"); // not always ours to give
    return {};
}

Status make_group(const std::string& path) {
    if (::mkdir(path.c_str(), 0755) == -1 && errno != EEXIST)
        return fail_errno("mkdir", path);
    return {};
}

/// A sandbox's group is named by 24 hex digits (Home::control_group_name), behind this in version 1.
bool is_our_name(std::string_view name, std::string_view prefix) {
    return name.starts_with(prefix) && name.size() == prefix.size() + 24 &&
           name.find_first_not_of("0123456789abcdef", prefix.size()) == std::string_view::npos;
}

/// Removes groups that nobody will remove any more, because the home that notes them is gone with
/// its processes. rmdir(2) takes none that a process is in, and a young one may wait for its first.
void sweep(const std::string& parent, std::string_view prefix) {
    const std::unique_ptr<DIR, int (*)(DIR*)> groups(::opendir(parent.c_str()), ::closedir);
    if (!groups)
        return;
    const auto oldest = std::time(nullptr) - std::chrono::seconds(sweep_age).count();
    for (int i = 0; i < most_swept; ++i) {
        const dirent* const entry = ::readdir(groups.get());
        if (entry == nullptr)
            return;
        struct stat info{};
        if (is_our_name(entry->d_name, prefix) &&
            ::fstatat(::dirfd(groups.get()), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            info.st_mtime < oldest)
            ::unlinkat(::dirfd(groups.get()), entry->d_name, AT_REMOVEDIR);
    }
}

} // namespace

GroupLimits group_limits(std::uint64_t guest_memory_bytes, unsigned vcpus) {
    const Limits engine = limits_of(Role::uml, guest_memory_bytes);
    // Each guest process is a process of the host: some 64 KiB of page tables, stack and task.
    constexpr std::uint64_t per_process = 64 << 10, devices = 128 * mib, device_threads = 64;
    return {.memory_bytes = guest_memory_bytes + devices + engine.processes * per_process,
            .processes = engine.processes + device_threads,
            .cpu_percent = vcpus * 100 + 50}; // half a CPU for the devices
}

ControlGroups ControlGroups::find() {
    ControlGroups found;
    if (const auto memory = legacy_group(); !memory.empty()) {
        found.legacy_ = true;
        found.base_ = memory;
        if (::access(memory.c_str(), W_OK) != 0 || !is_on(memory, CGROUP_SUPER_MAGIC))
            found.why_not_ = "this user may not divide " + memory;
        return found;
    }
    if (!is_on(mount_point, CGROUP2_SUPER_MAGIC)) {
        found.why_not_ = "this machine does not have control groups at /sys/fs/cgroup";
        return found;
    }
    for (std::string path = own_group(); !path.empty();) {
        if (path == "/")
            path.clear();
        const std::string group = mount_point + path;
        if (usable(group)) {
            found.base_ = group;
            return found;
        }
        if (!path.empty())
            path = path.rfind('/') == 0 ? "/" : path.substr(0, path.rfind('/'));
    }
    found.why_not_ = "no control group above this process may be divided by this user";
    return found;
}

std::string ControlGroups::path_of(const std::string& name) const {
    return legacy_ ? base_ + our_group + "-" + name : base_ + our_group + "/" + name;
}

Result<OwnedFd> ControlGroups::make(const std::string& name, const GroupLimits& limits) const {
    if (!available())
        return fail(ErrorKind::unsupported, why_not_);
    if (legacy_)
        return make_legacy(name, limits);
    const std::string ours = base_ + our_group, group = path_of(name);
    if (!exists(ours)) {
        MSB_TRY(hand_on(base_));
        MSB_TRY(make_group(ours));
    }
    if (!hands_on_limits(ours))
        MSB_TRY(hand_on(ours));
    sweep(ours, "");
    MSB_TRY(make_group(group));
    MSB_TRY(put(group + "/memory.max", std::to_string(limits.memory_bytes)));
    MSB_TRY(put(group + "/pids.max", std::to_string(limits.processes)));
    // Running out of memory ends the whole sandbox, not a single process of its engine.
    (void)put(group + "/memory.oom.group", "1");
    if (exists(group + "/cpu.max"))
        MSB_TRY(put(group + "/cpu.max",
                    fmt::format("{} {}", limits.cpu_percent * (period_us / 100), period_us)));
    return sys::open(group, O_RDONLY | O_DIRECTORY);
}

Result<OwnedFd> ControlGroups::make_legacy(const std::string& name,
                                           const GroupLimits& limits) const {
    sweep(base_, "microsandbox-");
    const std::string group = path_of(name);
    MSB_TRY(make_group(group));
    MSB_TRY(put(group + "/memory.limit_in_bytes", std::to_string(limits.memory_bytes)));
    return sys::open(group, O_RDONLY | O_DIRECTORY);
}

Result<OwnedFd> open_legacy_group(int group) {
    const std::string path = MSB_TRY(sys::path_of(group));
    if (!is_on(path, CGROUP_SUPER_MAGIC))
        return OwnedFd();
    return sys::open(path + "/tasks", O_WRONLY);
}

Status remove_control_group(const std::string& path) {
    for (int attempt = 0; ::rmdir(path.c_str()) == -1; ++attempt) {
        if (errno == ENOENT)
            return {};
        if (errno != EBUSY || attempt == removal_attempts)
            return fail_errno("rmdir", path);
        if (attempt == 0)
            (void)put(path + "/cgroup.kill", "1"); // Linux 5.14
        std::this_thread::sleep_for(removal_pause);
    }
    return {};
}

} // namespace msb::jail
