// Run in a guest: asks its kernel for what debuggers and sandboxes of programs rely on.
//
//   kernel_probe trap    a filter's trap shows the call's number and place
//   kernel_probe xstate  the registers' note has the mask of states where debuggers look for it
//   kernel_probe watch   a write watchpoint is hit at each write, and a read watchpoint is refused
//   kernel_probe time    a loop of the program is user time, and ITIMER_VIRTUAL counts it
//   kernel_probe place   where the program's stack, heap and a mapping are
//
// Exits 0 if it is as it should be; else says what is not.
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <elf.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

namespace {

int complain(const char* what) {
    std::printf("%s\n", what);
    return 1;
}

// ---- trap ----

constexpr long answer = 77;
volatile bool trap_seen = false;
volatile bool trap_right = false;

void on_trap(int, siginfo_t* info, void* context) {
    auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    trap_seen = true;
    trap_right = registers[REG_RAX] == SYS_sched_getparam &&
                 info->si_syscall == SYS_sched_getparam && info->si_arch == AUDIT_ARCH_X86_64 &&
                 reinterpret_cast<greg_t>(info->si_call_addr) == registers[REG_RIP] &&
                 registers[REG_RDI] == 11;
    registers[REG_RAX] = answer;
}

int trap() {
    struct sigaction action{};
    action.sa_sigaction = on_trap;
    action.sa_flags = SA_SIGINFO;
    ::sigaction(SIGSYS, &action, nullptr);
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_getparam, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{sizeof(filter) / sizeof(filter[0]), filter};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == -1)
        return complain("no filters");
    const long result = ::syscall(SYS_sched_getparam, 11, 22);
    if (!trap_seen || result != answer)
        return complain("the handler did not answer the call");
    return trap_right ? 0 : complain("the handler saw other registers than those of the call");
}

// ---- debuggers ----

/// A child that stops at once and then runs `body`.
template <typename Body> pid_t traced(Body body) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        std::raise(SIGTRAP);
        body();
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return child;
}

int xstate() {
    const pid_t child = traced([] {});
    static unsigned char area[16384];
    iovec vector{area, sizeof(area)};
    const long got = ::ptrace(PTRACE_GETREGSET, child, NT_X86_XSTATE, &vector);
    ::kill(child, SIGKILL);
    if (got == -1)
        return complain("no NT_X86_XSTATE");
    constexpr std::size_t mask_offset = 464; // of the software bytes of an FXSAVE area
    std::uint64_t mask = 0;
    std::memcpy(&mask, area + mask_offset, sizeof(mask));
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    constexpr std::uint64_t x87_sse_avx = 7;
    if ((mask & x87_sse_avx) != (low & x87_sse_avx) || (mask >> 32) != 0)
        return complain("no mask of states in the note");
    return 0;
}

volatile int watched = 0;

int watch() {
    const pid_t child = traced([] {
        for (int i = 1; i < 4; ++i)
            watched = watched + i;
    });
    const auto registers = offsetof(user, u_debugreg);
    const auto control = reinterpret_cast<void*>(registers + 7 * sizeof(long));
    constexpr long first_enabled = 1;
    constexpr long four_bytes_written = 0xdL << 16;
    constexpr long four_bytes_read = 0xfL << 16;
    if (::ptrace(PTRACE_POKEUSER, child, reinterpret_cast<void*>(registers), &watched) == -1 ||
        ::ptrace(PTRACE_POKEUSER, child, control, first_enabled | four_bytes_written) == -1)
        return complain("no watchpoint");
    if (::ptrace(PTRACE_POKEUSER, child, control, first_enabled | four_bytes_read) != -1)
        return complain("a watchpoint for reads is not refused");
    int hits = 0;
    int status = 0;
    for (;;) {
        ::ptrace(PTRACE_CONT, child, nullptr, nullptr);
        ::waitpid(child, &status, 0);
        if (!WIFSTOPPED(status))
            break;
        siginfo_t info{};
        ::ptrace(PTRACE_GETSIGINFO, child, nullptr, &info);
        constexpr int hardware_breakpoint = 4; // TRAP_HWBKPT
        if (WSTOPSIG(status) != SIGTRAP || info.si_code != hardware_breakpoint)
            return complain("stopped for something else");
        ++hits;
    }
    return hits == 3 ? 0 : complain("the watchpoint was not hit once for each write");
}

// ---- time, place ----

volatile bool alarmed = false;

int user_time() {
    std::signal(SIGVTALRM, [](int) { alarmed = true; });
    const itimerval timer{{0, 0}, {0, 100'000}};
    ::setitimer(ITIMER_VIRTUAL, &timer, nullptr);
    const timeval begin = [] {
        timeval now{};
        ::gettimeofday(&now, nullptr);
        return now;
    }();
    timeval now = begin;
    while (!alarmed && now.tv_sec - begin.tv_sec < 20) {
        for (int i = 0; i < 10'000'000; ++i)
            __asm__ volatile(""); // keeps the loop
        ::gettimeofday(&now, nullptr);
    }
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto microseconds = [](const timeval& time) {
        return time.tv_sec * 1'000'000L + time.tv_usec;
    };
    if (!alarmed)
        return complain("ITIMER_VIRTUAL did not fire");
    return microseconds(usage.ru_utime) > microseconds(usage.ru_stime)
               ? 0
               : complain("the program's time is counted as the system's");
}

int place() {
    int on_stack = 0;
    void* mapping = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    std::printf("%p %p %p\n", static_cast<void*>(&on_stack), ::sbrk(0), mapping);
    return 0;
}

} // namespace

int main(int count, char** arguments) {
    const char* what = count == 2 ? arguments[1] : "";
    if (std::strcmp(what, "trap") == 0)
        return trap();
    if (std::strcmp(what, "xstate") == 0)
        return xstate();
    if (std::strcmp(what, "watch") == 0)
        return watch();
    if (std::strcmp(what, "time") == 0)
        return user_time();
    if (std::strcmp(what, "place") == 0)
        return place();
    return 2;
}
