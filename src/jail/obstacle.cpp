#include "jail/obstacle.hpp"

#include "base/file.hpp"

#include <charconv>
#include <unistd.h>

namespace msb::jail {

namespace {

/// A number in a file; nothing if there is no such file.
std::optional<long> setting(const std::string& path) {
    const auto text = read_file(path, 64);
    long value = 0;
    if (!text ||
        std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc{})
        return std::nullopt;
    return value;
}

} // namespace

std::optional<Obstacle> find_obstacle(uid_t user, const std::string& root) {
    const std::string sysctl = root + "/proc/sys/";
    const bool ordinary = user != 0;
    if (setting(sysctl + "user/max_user_namespaces") == 0)
        return Obstacle{"user.max_user_namespaces is 0: nobody may make a user namespace here",
                        "as root: sysctl -w user.max_user_namespaces=65536"};
    if (ordinary && setting(sysctl + "kernel/unprivileged_userns_clone") == 0)
        return Obstacle{
            "kernel.unprivileged_userns_clone is 0: ordinary users may not make user namespaces",
            "as root: sysctl -w kernel.unprivileged_userns_clone=1"};
    if (ordinary &&
        setting(sysctl + "kernel/apparmor_restrict_unprivileged_userns").value_or(0) != 0)
        return Obstacle{"AppArmor restricts user namespaces of ordinary users "
                        "(kernel.apparmor_restrict_unprivileged_userns)",
                        "install msb's AppArmor profile, as root: cp "
                        "share/microsandbox/apparmor/microsandbox /etc/apparmor.d/ && "
                        "apparmor_parser -r /etc/apparmor.d/microsandbox"};
    if (const auto modes = read_file(root + "/proc/sys/kernel/seccomp/actions_avail", 4096);
        modes && modes->find("kill_process") == std::string::npos)
        return Obstacle{"this kernel has no seccomp filters that end a process",
                        "boot a kernel >= 4.14 with CONFIG_SECCOMP_FILTER"};
    if (setting(root + "/sys/fs/selinux/enforce") == 1)
        return Obstacle{"SELinux is enforcing, and may have refused it",
                        "look for what was denied: ausearch -m avc -ts recent"};
    return std::nullopt;
}

Error explain_by_host(Error error) {
    if (error.kind() == ErrorKind::not_found) // a file that the caller named does not exist
        return error;
    const auto obstacle = find_obstacle(::geteuid());
    if (!obstacle)
        return error;
    return std::move(error).with_hint(obstacle->what + ". " + obstacle->hint);
}

} // namespace msb::jail
