#include "base/file.hpp"
#include "base/system.hpp"
#include "jail/control_group.hpp"
#include "jail/identity.hpp"
#include "jail/jail.hpp"
#include "jail/landlock.hpp"

#include <fmt/core.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace msb::jail {

namespace {

bool has_seccomp_filters() {
    const std::uint32_t action = SECCOMP_RET_KILL_PROCESS;
    return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

/// Makes a group and removes it; says why that does not work.
std::string try_control_group() {
    const auto groups = ControlGroups::find();
    if (!groups.available())
        return groups.why_not();
    const std::string name = "doctor-" + std::to_string(::getpid());
    const auto made = groups.make(name, group_limits(std::uint64_t{128} << 20, 1));
    const Status removed = remove_control_group(groups.path_of(name));
    return !made ? made.error().to_string() : removed ? "" : removed.error().to_string();
}

} // namespace

Support examine() {
    Support support;
    support.seccomp = has_seccomp_filters();
    support.landlock_abi = landlock_abi();
    support.private_ids = ::geteuid() == 0;
    support.cgroup_detail = try_control_group();
    support.cgroup = support.cgroup_detail.empty();
    support.cgroup_all = support.cgroup && !ControlGroups::find().memory_only();
    // The reliable test of namespaces, mounts and filters is to build a jail and do nothing in it.
    const Status jail = run_worker({}, [] { return Status{}; }, std::chrono::seconds(5));
    support.user_namespaces = jail.has_value();
    if (!jail) {
        support.user_namespaces_detail = jail.error().to_string();
        support.user_namespaces_hint = jail.error().hint();
    }
    return support;
}

} // namespace msb::jail
