#include "base/file.hpp"
#include "base/system.hpp"
#include "jail/identity.hpp"
#include "jail/jail.hpp"
#include "jail/landlock.hpp"

#include <fmt/format.h>
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

} // namespace

Support examine() {
    Support support;
    support.seccomp = has_seccomp_filters();
    support.landlock_abi = landlock_abi();
    support.private_ids = ::geteuid() == 0;
    // The honest test of namespaces, mounts and filters is to build a jail and do nothing in it.
    const Status jail = run_worker({}, [] { return Status{}; }, std::chrono::seconds(5));
    support.user_namespaces = jail.has_value();
    if (!jail)
        support.user_namespaces_detail = jail.error().to_string();
    return support;
}

} // namespace msb::jail
