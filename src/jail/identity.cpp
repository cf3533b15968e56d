#include "jail/identity.hpp"

#include "base/system.hpp"
#include "jail/capabilities.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace msb::jail {

namespace {

// Host ids from here on are used by no distribution, container tool or systemd range; one for each
// process id (at most 2^22) never meets another living one.
constexpr uid_t private_ids = 0x7000'0000;

Status write_proc(pid_t pid, const char* file, const std::string& text) {
    const std::string path = fmt::format("/proc/{}/{}", pid, file);
    const OwnedFd fd = MSB_TRY(sys::open(path, O_WRONLY));
    MSB_TRY_WRAP(sys::write_all(fd.get(), as_bytes(text)), path);
    return {};
}

} // namespace

Result<bool> write_id_maps(pid_t child) {
    const uid_t uid = ::geteuid();
    const gid_t gid = ::getegid();
    const uid_t outside = private_ids + static_cast<uid_t>(child);
    if (uid == 0 && has_capability(CAP_SETUID) && has_capability(CAP_SETGID)) {
        const std::string lines = fmt::format("0 0 1\n{} {} 1\n", engine_id, outside);
        const std::string group_lines = fmt::format("0 {} 1\n{} {} 1\n", gid, engine_id, outside);
        if (write_proc(child, "uid_map", lines)) {
            MSB_TRY(write_proc(child, "gid_map", group_lines));
            return true;
        }
        // Root of a container that owns only a few ids: as an ordinary user.
    }
    MSB_TRY(write_proc(child, "uid_map", fmt::format("{0} {0} 1\n", uid)));
    MSB_TRY(write_proc(child, "setgroups", "deny"));
    MSB_TRY(write_proc(child, "gid_map", fmt::format("{0} {0} 1\n", gid)));
    return false;
}

Step become_engine_id() {
    // Direct calls: libc's wrappers would involve the other threads of the process cloned from.
    MSB_STEP(check(::syscall(SYS_setgroups, 0, nullptr), "setgroups"));
    if (::syscall(SYS_setresgid, engine_id, engine_id, engine_id) == -1)
        return errno == EINVAL ? Step{} : check(-1, "setresgid"); // EINVAL: not mapped
    return check(::syscall(SYS_setresuid, engine_id, engine_id, engine_id), "setresuid");
}

} // namespace msb::jail
