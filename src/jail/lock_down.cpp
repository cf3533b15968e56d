#include "jail/capabilities.hpp"
#include "jail/jail.hpp"
#include "jail/landlock.hpp"
#include "jail/process_view.hpp"
#include "jail/roles.hpp"

#include <fcntl.h>
#include <sys/prctl.h>

namespace msb::jail {

namespace {

Step give_up(Role role, const std::vector<FileRule>& rules, const Program& program) {
    MSB_STEP(check(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl(PR_SET_DUMPABLE)"));
    MSB_STEP(check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)"));
    MSB_STEP(restrict_files(rules, tcp_of(role)));
    MSB_STEP(bound_capabilities(0));
    MSB_STEP(set_capabilities(0));
    return load(program);
}

} // namespace

Status lock_down(Role role, const LockDown& keep) {
    const Program program = MSB_TRY(seccomp_program(role));
    std::vector<FileRule> rules;
    rules.reserve(keep.writable.size() + keep.readable.size() + 1);
    for (const std::string& path : keep.writable)
        rules.push_back({path, FileRule::Access::everything});
    for (const std::string& path : keep.readable)
        rules.push_back({path, FileRule::Access::read});
    if (role == Role::runtime && ::fcntl(process_view_fd, F_GETFD) != -1)
        rules.push_back({"process view", FileRule::Access::read, process_view_fd});
    Limits limits = limits_of(role, 0);
    if (keep.file_bytes != 0)
        limits.file_bytes = keep.file_bytes;
    MSB_TRY_WRAP(to_status(apply(limits)), "cannot limit the process");
    MSB_TRY_WRAP(to_status(give_up(role, rules, program)), "cannot lock the process down");
    return {};
}

Status narrow(KvmThread thread) {
    const Program program = MSB_TRY(policy_of(thread).build());
    MSB_TRY_WRAP(to_status(load(program, Threads::calling)), "cannot confine a thread");
    return {};
}

} // namespace msb::jail
