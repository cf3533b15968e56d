// Run in a guest: asks its kernel for what debuggers and sandboxes of programs rely on.
//
//   kernel_probe trap    a filter's trap shows the call's number and place
//   kernel_probe xstate  the registers' note has the mask of states where debuggers look for it
//   kernel_probe watch   a write watchpoint is hit at each write, and a read watchpoint is refused
//   kernel_probe time    a loop of the program is user time, and ITIMER_VIRTUAL counts it
//   kernel_probe split   a loop's time is the program's, that of long reads the kernel's
//   kernel_probe used    "ready"; then, when a line comes, the milliseconds used and passed meanwhile in a loop
//   kernel_probe fault   handlers of faults are told which instruction it was, and of what kind
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
#include <fcntl.h>
#include <initializer_list>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <setjmp.h>
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

long milliseconds(const timeval& time) {
    return time.tv_sec * 1'000L + time.tv_usec / 1'000;
}

struct Times {
    long user, system, passed; ///< in milliseconds
};

Times times() {
    rusage usage{};
    timeval now{};
    ::getrusage(RUSAGE_SELF, &usage);
    ::gettimeofday(&now, nullptr);
    return {milliseconds(usage.ru_utime), milliseconds(usage.ru_stime), milliseconds(now)};
}

Times operator-(const Times& a, const Times& b) {
    return {a.user - b.user, a.system - b.system, a.passed - b.passed};
}

void loop(int millions) {
    for (int i = 0; i < millions * 1'000'000; ++i)
        __asm__ volatile(""); // keeps the loop
}

int split() {
    const Times begin = times();
    loop(1'000);
    const Times middle = times();
    static char buffer[1 << 20];
    const int zeros = ::open("/dev/zero", O_RDONLY);
    for (int i = 0; i < 3'000; ++i)
        if (::read(zeros, buffer, sizeof(buffer)) != sizeof(buffer))
            return complain("cannot read zeros");
    const Times looped = middle - begin, read = times() - middle;
    std::printf("loop: user %ld, system %ld; reading: user %ld, system %ld\n", looped.user,
                looped.system, read.user, read.system);
    return looped.user > 3 * looped.system && read.system > read.user
               ? 0
               : complain("the times are not told apart");
}

int used() {
    std::puts("ready");
    std::fflush(stdout);
    const Times begin = times();
    struct pollfd input{0, POLLIN, 0};
    while (::poll(&input, 1, 0) == 0)
        loop(10);
    const Times all = times() - begin;
    std::printf("%ld %ld\n", all.user + all.system, all.passed);
    return 0;
}

// ---- faults ----

sigjmp_buf after_fault;
volatile int fault_signal, fault_code;
void* volatile fault_place;
volatile greg_t fault_instruction, fault_trap;

void on_fault(int number, siginfo_t* info, void* context) {
    auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    fault_signal = number;
    fault_code = info->si_code;
    fault_place = info->si_addr;
    fault_instruction = registers[REG_RIP];
    fault_trap = registers[REG_TRAPNO];
    ::siglongjmp(after_fault, 1);
}

/// At the instruction itself: signals and traps of the processor (SDM, volume 3, 6.15).
bool at_instruction(int number, int code, int trap) {
    return fault_signal == number && (code == 0 || fault_code == code) &&
           reinterpret_cast<greg_t>(fault_place) == fault_instruction && fault_trap == trap;
}

int fault() {
    struct sigaction action{};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO;
    for (const int number : {SIGILL, SIGFPE, SIGSEGV, SIGTRAP})
        ::sigaction(number, &action, nullptr);
    if (::sigsetjmp(after_fault, 1) == 0)
        __asm__ volatile("ud2");
    if (!at_instruction(SIGILL, 0, 6))
        return complain("an instruction that does not exist");
    if (::sigsetjmp(after_fault, 1) == 0)
        __asm__ volatile("xorl %%ecx, %%ecx; divl %%ecx" ::: "eax", "ecx", "edx", "cc");
    if (!at_instruction(SIGFPE, FPE_INTDIV, 0))
        return complain("a division by zero");
    constexpr int by_kernel = 0x80; // SI_KERNEL
    if (::sigsetjmp(after_fault, 1) == 0)
        *reinterpret_cast<volatile int*>(0xdead'0000'0000'0000) = 1;
    if (fault_signal != SIGSEGV || fault_code != by_kernel || fault_place != nullptr ||
        fault_trap != 13)
        return complain("an address that cannot be");
    if (::sigsetjmp(after_fault, 1) == 0)
        *reinterpret_cast<volatile int*>(0x1234) = 1;
    if (fault_signal != SIGSEGV || fault_code != SEGV_MAPERR ||
        fault_place != reinterpret_cast<void*>(0x1234) || fault_trap != 14)
        return complain("an address where nothing is");
    if (::sigsetjmp(after_fault, 1) == 0)
        __asm__ volatile("int3");
    if (fault_signal != SIGTRAP || fault_trap != 3)
        return complain("a breakpoint");
    return 0;
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
    if (std::strcmp(what, "split") == 0)
        return split();
    if (std::strcmp(what, "used") == 0)
        return used();
    if (std::strcmp(what, "fault") == 0)
        return fault();
    if (std::strcmp(what, "place") == 0)
        return place();
    return 2;
}
