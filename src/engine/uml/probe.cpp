// Whether this host can run guest processes in User Mode Linux's seccomp mode: the guest's system
// calls become traps by a filter, and the handler of the trap changes the registers of what it
// interrupted. The probe does that once. Where filters exist but this does not work (a sandbox or
// emulator around us that keeps SIGSYS to itself, an old kernel), ptrace mode still does.
#include "engine/probe.hpp"

#include "base/process.hpp"

#include <csignal>
#include <cstddef>
#include <fmt/core.h>
#include <iterator>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

namespace msb::engine {

namespace {

constexpr auto deadline = std::chrono::milliseconds(300);
constexpr long trapped_call = SYS_clock_nanosleep; // what the kernel's own check uses
constexpr int by_seccomp = 1;                      // si_code SYS_SECCOMP, in kernel headers only
constexpr long answer = 0x6d7362;
constexpr std::size_t stack_size = 64 << 10; // vector state can be some 11 KiB

// The outcomes, as exit codes of the process that tries.
enum Outcome : int { works = 0, no_handler, no_filter, no_trap, no_registers };

void answer_trap(int, siginfo_t* info, void* context) {
    auto& machine = static_cast<ucontext_t*>(context)->uc_mcontext;
    if (info->si_code != by_seccomp || info->si_syscall != trapped_call ||
        machine.fpregs == nullptr)
        ::_exit(no_registers);
    machine.gregs[REG_RAX] = answer;
}

/// In a forked child: nothing but system calls.
int try_trap() {
    static char stack[stack_size];
    const stack_t alternate{stack, 0, sizeof(stack)};
    struct sigaction action{};
    action.sa_sigaction = answer_trap;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    if (::sigaltstack(&alternate, nullptr) != 0 || ::sigaction(SIGSYS, &action, nullptr) != 0)
        return no_handler;
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, trapped_call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{static_cast<unsigned short>(std::size(filter)), filter};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
        return no_filter;
    return ::syscall(trapped_call, CLOCK_MONOTONIC, 0, nullptr, nullptr) == answer ? works
                                                                                   : no_trap;
}

SeccompModeProbe explain(int code) {
    switch (code) {
    case works: return {true, "system calls of guest processes can be trapped"};
    case no_handler: return {false, "SIGSYS cannot be handled"};
    case no_filter: return {false, "seccomp filters are refused"};
    case no_trap: return {false, "a seccomp filter's trap is not delivered"};
    case no_registers: return {false, "a trap does not come with the registers"};
    default: return {false, fmt::format("the attempt ended with exit code {}", code)};
    }
}

} // namespace

SeccompModeProbe probe_seccomp_mode() {
    const pid_t pid = ::fork();
    if (pid == -1)
        return {false, "fork failed"};
    if (pid == 0)
        ::_exit(try_trap());
    auto pidfd = open_pidfd(pid);
    Child child(pid, pidfd ? std::move(*pidfd) : OwnedFd());
    const auto status = child.wait(deadline);
    if (status && *status)
        return explain(shell_exit_code(**status));
    (void)child.signal(SIGKILL);
    (void)child.wait(std::chrono::milliseconds(100));
    return {false, "a trapped system call does not return"};
}

} // namespace msb::engine
