// Theory of operation
//
// The agent is one thread, and everything a client asks of a command before it runs can take as
// long as the guest's file systems like: reading /etc/passwd, entering the directory, reading the
// program. fork() would copy the agent's page tables (the most expensive thing one can ask of
// user-mode Linux), vfork() would stop the agent until execve. So the child is made with CLONE_VM
// alone: it shares the agent's memory, has its own stack, descriptors and signal handlers, and the
// agent goes on. The price is discipline in the child:
//   - system calls through raw.hpp only, because errno and the allocator belong to the agent;
//   - it reads the plan, writes only its own Launch object and stack, and both outlive it;
//   - all signals stay blocked until the last moment.
// The agent is not dumpable (PR_SET_DUMPABLE), so neither a debugger of the target user nor a core
// dump of the child can reach the shared memory between setuid and execve.
//
// The end is announced by a close-on-exec pipe: end of file = execve succeeded (or the child was
// killed), a LaunchFailure and then end of file = the step that failed. Only at end of file has the
// child left our memory (the kernel closes descriptors after switching or dropping the memory).

#include "agent/exec/launch.hpp"

#include "agent/core/raw.hpp"
#include "base/process.hpp"
#include "base/system.hpp"

#include <csignal>
#include <cstring>
#include <linux/capability.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace msb::agent {

namespace {

constexpr std::size_t stack_size = std::size_t{128} << 10;
constexpr std::size_t scratch_size = std::size_t{32} << 10; ///< for user databases, on that stack

/// Stacks of finished launches, kept warm: a fresh page costs more than the rest of a launch step.
std::vector<void*>& free_stacks() {
    static std::vector<void*> stacks;
    return stacks;
}
constexpr std::size_t kept_stacks = 4;

Result<void*> take_stack() {
    if (!free_stacks().empty()) {
        void* stack = free_stacks().back();
        free_stacks().pop_back();
        return stack;
    }
    void* stack = ::mmap(nullptr, stack_size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        return fail_errno("mmap");
    return stack;
}

void return_stack(void* stack) {
    if (free_stacks().size() < kept_stacks)
        free_stacks().push_back(stack);
    else
        ::munmap(stack, stack_size);
}

long signal_mask(int how, std::uint64_t mask) {
    return raw::call(SYS_rt_sigprocmask, how, raw::address(&mask), 0, sizeof(mask));
}

} // namespace

std::string_view to_string(LaunchStep step) {
    switch (step) {
    case LaunchStep::session: return "setsid";
    case LaunchStep::terminal: return "pty";
    case LaunchStep::descriptors: return "stdio";
    case LaunchStep::limits: return "rlimits";
    case LaunchStep::user:
    case LaunchStep::identity: return "user";
    case LaunchStep::directory: return "cwd";
    case LaunchStep::profile: return "security_profile";
    case LaunchStep::execute: return "execvp";
    }
    return "execvp";
}

Launch::Launch(LaunchPlan plan) : plan_(std::move(plan)) {
    argv_ = exec_pointers(plan_.argv);
    envp_ = exec_pointers(plan_.env, 1);
    for (const std::string& variable : plan_.env) {
        if (variable.starts_with("PATH="))
            path_ = variable.c_str() + 5;
        home_given_ = home_given_ || variable.starts_with("HOME=");
    }
}

Launch::~Launch() {
    if (stack_ != nullptr)
        return_stack(stack_);
}

Result<std::unique_ptr<Launch>> Launch::start(LaunchPlan plan) {
    std::unique_ptr<Launch> launch(new Launch(std::move(plan)));
    auto report = MSB_TRY(sys::pipe());
    if (::fcntl(report[0].get(), F_SETFL, O_NONBLOCK) == -1) // a new pipe has no other flags
        return fail_errno("fcntl(F_SETFL)");
    launch->report_ = std::move(report[0]);
    launch->child_report_fd_ = report[1].get();
    launch->stack_ = MSB_TRY(take_stack());

    // Blocked in the child from its first instruction: it inherits our mask.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before);
    launch->pid_ = ::clone(child_main, static_cast<char*>(launch->stack_) + stack_size,
                           CLONE_VM | SIGCHLD, launch.get());
    const int reason = errno;
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    if (launch->pid_ == -1)
        return fail(Error::from_errno(reason, "clone"));
    return launch;
}

Launch::State Launch::poll() {
    while (state_ == State::pending) {
        auto* bytes = reinterpret_cast<std::uint8_t*>(&failure_);
        std::uint8_t end;
        const bool complete = received_ == sizeof(failure_);
        const ssize_t count =
            complete ? ::read(report_.get(), &end, 1)
                     : ::read(report_.get(), bytes + received_, sizeof(failure_) - received_);
        if (count > 0)
            received_ += static_cast<std::size_t>(count);
        else if (count == 0)
            state_ = complete ? State::failed : State::executed;
        else if (errno != EINTR)
            break;
    }
    return state_;
}

// --- the child ----------------------------------------------------------------------------------

#define MSB_CHILD __attribute__((no_sanitize("address", "undefined")))

MSB_CHILD int Launch::child_main(void* self) {
    static_cast<Launch*>(self)->run_child();
}

MSB_CHILD void Launch::give_up(LaunchStep step, long result, UserError user_error,
                               bool interpreter_missing) {
    LaunchFailure failure;
    failure.step = step;
    failure.user_error = user_error;
    failure.interpreter_missing = interpreter_missing;
    failure.sys_errno = static_cast<std::int32_t>(-result);
    raw::call(SYS_write, child_report_fd_, raw::address(&failure), sizeof(failure));
    for (;;)
        raw::call(SYS_exit_group, 127);
}

MSB_CHILD void Launch::run_child() {
    set_up_session();
    set_up_descriptors();
    for (const ResourceLimit& limit : plan_.limits) {
        const std::uint64_t values[2] = {limit.soft, limit.hard};
        const long result = raw::call(SYS_prlimit64, 0, limit.resource, raw::address(values), 0);
        if (result < 0)
            give_up(LaunchStep::limits, result);
    }
    // Shrink the bounding set before the identity changes: an ordinary user may not.
    if (plan_.restricted)
        if (const long result = raw::call(SYS_prctl, PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0);
            result < 0)
            give_up(LaunchStep::profile, result);
    set_up_identity();
    if (const long result = raw::call(SYS_chdir, raw::address(plan_.directory.c_str())); result < 0)
        give_up(LaunchStep::directory, result);
    if (plan_.restricted)
        drop_privileges();

    // The agent ignores SIGPIPE and blocks what it waits for; the command starts with a clean
    // slate.
    struct {
        unsigned long handler, flags, restorer, mask;
    } const default_action{};
    raw::call(SYS_rt_sigaction, SIGPIPE, raw::address(&default_action), 0, sizeof(std::uint64_t));
    signal_mask(SIG_SETMASK, 0);
    bool interpreter_missing = false;
    const long result = execute_in_path(interpreter_missing);
    give_up(LaunchStep::execute, result, UserError::none, interpreter_missing);
    __builtin_unreachable();
}

MSB_CHILD void Launch::set_up_session() {
    if (const long result = raw::call(SYS_setsid); result < 0)
        give_up(LaunchStep::session, result);
    raw::call(SYS_setpriority, PRIO_PROCESS, 0, 0); // the agent's own is higher
    if (!plan_.terminal)
        return;
    if (const long result = raw::call(SYS_ioctl, plan_.stdio[0], TIOCSCTTY, 0); result < 0)
        give_up(LaunchStep::terminal, result);
}

MSB_CHILD void Launch::set_up_descriptors() {
    // The agent keeps 0, 1 and 2 open, so no source is below 3 and none is overwritten.
    for (int target = 0; target < 3; ++target) {
        const long result =
            raw::call(SYS_dup3, plan_.stdio[static_cast<std::size_t>(target)], target, 0);
        if (result < 0)
            give_up(LaunchStep::descriptors, result);
    }
}

MSB_CHILD void Launch::set_up_identity() {
    char scratch[scratch_size];
    const UserError error = resolve_identity(plan_.user, "/etc/passwd", "/etc/group",
                                             {scratch, sizeof(scratch)}, identity_);
    if (error != UserError::none)
        give_up(LaunchStep::user, 0, error);
    if (!home_given_) {
        static constexpr std::string_view key = "HOME=";
        std::memcpy(home_variable_.data(), key.data(), key.size());
        std::memcpy(home_variable_.data() + key.size(), identity_.home.data(), identity_.home_size);
        home_variable_[key.size() + identity_.home_size] = '\0';
        envp_[envp_.size() - 2] = home_variable_.data();
    }
    if (!plan_.switch_user)
        return;
    // So that the user may reopen /dev/stdout, or the terminal by name.
    if (identity_.uid != 0)
        for (int fd = 0; fd < 3; ++fd)
            raw::call(SYS_fchown, fd, identity_.uid, plan_.terminal ? -1L : long{identity_.gid});
    long result = raw::call(SYS_setgroups, static_cast<long>(identity_.group_count),
                            raw::address(identity_.groups.data()));
    if (result >= 0)
        result = raw::call(SYS_setgid, identity_.gid);
    if (result >= 0)
        result = raw::call(SYS_setuid, identity_.uid);
    if (result < 0)
        give_up(LaunchStep::identity, result);
}

MSB_CHILD void Launch::drop_privileges() {
    long result = raw::call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (result >= 0)
        result = raw::call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    if (result >= 0)
        result = raw::call(SYS_capget, raw::address(&header), raw::address(data));
    data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective &= ~CAP_TO_MASK(CAP_SYS_ADMIN);
    data[CAP_TO_INDEX(CAP_SYS_ADMIN)].permitted &= ~CAP_TO_MASK(CAP_SYS_ADMIN);
    data[CAP_TO_INDEX(CAP_SYS_ADMIN)].inheritable &= ~CAP_TO_MASK(CAP_SYS_ADMIN);
    if (result >= 0)
        result = raw::call(SYS_capset, raw::address(&header), raw::address(data));
    if (result < 0)
        give_up(LaunchStep::profile, result);
}

/// execve, with ENOENT and EACCES told apart further.
MSB_CHILD long Launch::execute(const char* path, bool& interpreter_missing) {
    long result = raw::call(SYS_execve, raw::address(path), raw::address(argv_.data()),
                            raw::address(envp_.data()));
    struct stat info{};
    if (result == -ENOENT) {
        interpreter_missing =
            raw::call(SYS_newfstatat, AT_FDCWD, raw::address(path), raw::address(&info), 0) == 0;
    } else if (result == -EACCES) {
        if (raw::call(SYS_newfstatat, AT_FDCWD, raw::address(path), raw::address(&info), 0) == 0 &&
            S_ISDIR(info.st_mode))
            result = -EISDIR;
    }
    return result;
}

/// As execvp(3), but a file that is neither a program nor a script is an error, not a shell script.
MSB_CHILD long Launch::execute_in_path(bool& interpreter_missing) {
    const std::string_view command = plan_.command;
    if (command.find('/') != std::string_view::npos || command.empty())
        return execute(plan_.command.c_str(), interpreter_missing);
    std::string_view path = path_ == nullptr ? "" : path_;
    long worst = -ENOENT;
    for (bool more = true; more;) {
        const std::size_t colon = path.find(':');
        more = colon != std::string_view::npos;
        const std::string_view directory = path.substr(0, colon);
        path = more ? path.substr(colon + 1) : std::string_view();
        if (directory.size() + 1 + command.size() >= candidate_.size()) {
            worst = -ENAMETOOLONG;
            continue;
        }
        char* end = candidate_.data();
        std::memcpy(end, directory.data(), directory.size());
        end += directory.size();
        if (!directory.empty())
            *end++ = '/';
        std::memcpy(end, command.data(), command.size());
        end[command.size()] = '\0';
        const long result = execute(candidate_.data(), interpreter_missing);
        if (interpreter_missing)
            return result;
        if (result == -EACCES)
            worst = result;
        else if (result != -ENOENT && result != -ENOTDIR && result != -EISDIR)
            return result;
    }
    return worst;
}

} // namespace msb::agent
