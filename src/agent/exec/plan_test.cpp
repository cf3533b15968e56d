// What a client is told of a command that could not be started.
#include "agent/exec/plan.hpp"

#include <cerrno>
#include <cstring>
#include <gtest/gtest.h>

namespace msb::agent {
namespace {

wire::ExecFailed failed(LaunchStep step, int reason) {
    return describe(LaunchFailure{.step = step, .sys_errno = reason}, LaunchPlan{});
}

TEST(Plan, EachErrnoOfAnExecveHasItsKind) {
    using enum wire::ExecFailure;
    const std::pair<int, wire::ExecFailure> table[] = {
        {ENOENT, not_found},
        {ENOTDIR, not_found}, // of the program's path; the working directory is a step of its own
        {EACCES, permission_denied},
        {EPERM, permission_denied},
        {ENOEXEC, not_executable},
        {ELIBBAD, not_executable},
        {EISDIR, not_executable},
        {ETXTBSY, not_executable},
        {E2BIG, bad_args},
        {ELOOP, bad_args},
        {ENAMETOOLONG, bad_args},
        {EFAULT, bad_args},
        {EINVAL, bad_args},
        {EMFILE, resource_limit},
        {ENFILE, resource_limit},
        {EAGAIN, resource_limit},
        {ENOMEM, out_of_memory},
        {EIO, other},
        {ENOSYS, other},
    };
    for (const auto& [reason, kind] : table) {
        const auto told = failed(LaunchStep::execute, reason);
        EXPECT_EQ(told.kind, kind) << ::strerrorname_np(reason);
        EXPECT_EQ(told.sys_errno, reason);
        EXPECT_EQ(told.errno_name, ::strerrorname_np(reason));
        EXPECT_EQ(told.stage, "execvp");
    }
}

TEST(Plan, TheStepSaysMoreThanTheErrno) {
    using enum wire::ExecFailure;
    for (const int reason : {ENOENT, ENOTDIR, EACCES, ENOMEM}) {
        EXPECT_EQ(failed(LaunchStep::directory, reason).kind, bad_cwd);
        EXPECT_EQ(failed(LaunchStep::user, reason).kind, user_setup_failed);
        EXPECT_EQ(failed(LaunchStep::identity, reason).kind, user_setup_failed);
        EXPECT_EQ(failed(LaunchStep::terminal, reason).kind, pty_setup_failed);
        EXPECT_EQ(failed(LaunchStep::limits, reason).kind, resource_limit);
    }
    EXPECT_EQ(describe(LaunchFailure{.interpreter_missing = true, .sys_errno = ENOENT}, {}).kind,
              not_executable);
}

} // namespace
} // namespace msb::agent
