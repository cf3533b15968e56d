// pid 1 of the engine's pid namespace: starts the program, reaps whatever is orphaned, and ends
// with the program's fate. A User Mode Linux kernel cannot be pid 1 itself (it never stops
// spinning).
//
// A program of its own, without any library, because it stays for the life of the sandbox: a forked
// copy of its starter would pin that process's memory. The engine's seccomp filter, limits and
// identity are already in force when it runs.
//
// argv: init, number of the lifeline, program, arguments...
// The lifeline is a socket to the starter. An int is sent over it: 0 when the program runs, or the
// errno of the failed exec. When the starter closes its end, or dies, everything ends; the starter
// may have no right to send signals here. Nor may it choose the CPU of processes that are another
// user's: it sends packets of ints over the lifeline, a CPU and the pids (as they are called here)
// that are to run on it.
// Exit code: the program's, or 128 + the number of the signal that ended it.
#include <asm/poll.h>
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/wait.h>

namespace {

long call(long number, long a = 0, long b = 0, long c = 0, long d = 0) {
    long result;
    register long r10 asm("r10") = d;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                 : "rcx", "r11", "memory");
    return result;
}

long address(const void* pointer) {
    return reinterpret_cast<long>(pointer);
}

int parse(const char* digits) {
    int value = 0;
    while (*digits >= '0' && *digits <= '9')
        value = value * 10 + (*digits++ - '0');
    return value;
}

[[noreturn]] void leave(int code) {
    for (;;)
        call(__NR_exit_group, code);
}

void set_mask(unsigned long mask) {
    call(__NR_rt_sigprocmask, SIG_SETMASK, address(&mask), 0, sizeof(mask));
}

[[noreturn]] void become_program(int lifeline, char** argv, char** environment) {
    set_mask(0);
    const int error =
        static_cast<int>(-call(__NR_execve, address(argv[0]), address(argv), address(environment)));
    call(__NR_write, lifeline, address(&error), sizeof(error));
    leave(127);
}

bool is_cut(int lifeline) {
    pollfd entry{lifeline, 0, 0};
    return call(__NR_poll, address(&entry), 1, 0) == 1;
}

constexpr int max_cpus = 8192;
constexpr int max_words = 256;
unsigned char cpus[max_cpus / 8];
int words[max_words];

void place(int cpu, const int* pids, long count) {
    if (cpu < 0 || cpu >= max_cpus)
        return;
    cpus[cpu / 8] = static_cast<unsigned char>(1 << cpu % 8);
    for (long i = 0; i < count; ++i)
        call(__NR_sched_setaffinity, pids[i], sizeof(cpus), address(cpus)); // or it is gone
    cpus[cpu / 8] = 0;
}

/// The program first: what it starts meanwhile runs where it does.
void obey(int lifeline, int program) {
    for (;;) {
        const long size = call(__NR_read, lifeline, address(words), sizeof(words));
        if (size < static_cast<long>(sizeof(words[0])))
            return;
        place(words[0], &program, 1);
        place(words[0], words + 1, size / static_cast<long>(sizeof(words[0])) - 1);
    }
}

[[noreturn]] void reap(long program, int lifeline) {
    constexpr unsigned long everything = ~0UL;
    constexpr int killed = 128 + SIGKILL;
    for (;;) {
        int status = 0;
        const long pid = call(__NR_wait4, -1, address(&status), WNOHANG | __WALL);
        if (pid == program)
            leave((status & 0x7f) == 0 ? status >> 8 & 0xff : 128 + (status & 0x7f));
        if (pid > 0)
            continue;
        obey(lifeline, static_cast<int>(program));
        if (is_cut(lifeline))
            leave(killed);
        // SIGCHLD, or SIGIO from the lifeline.
        call(__NR_rt_sigtimedwait, address(&everything), 0, 0, sizeof(everything));
    }
}

} // namespace

extern "C" [[noreturn, gnu::used]] void jail_init(long* stack) {
    auto** argv = reinterpret_cast<char**>(stack + 1);
    char** environment = argv + stack[0] + 1;
    const int lifeline = parse(argv[1]);
    set_mask(~0UL);
    call(__NR_fcntl, lifeline, F_SETFD, FD_CLOEXEC);
    // With CLONE_VFORK this continues when the program has been executed, or could not be.
    const long program = call(__NR_clone, CLONE_VFORK | SIGCHLD);
    if (program == 0)
        become_program(lifeline, argv + 2, environment);
    const int error = program < 0 ? static_cast<int>(-program) : 0;
    call(__NR_write, lifeline, address(&error), sizeof(error));
    // The program's descriptors are its own: what it closes must be seen as closed.
    call(__NR_close_range, 0, lifeline - 1, 0);
    call(__NR_close_range, lifeline + 1, ~0U, 0);
    call(__NR_fcntl, lifeline, F_SETOWN, 1);
    call(__NR_fcntl, lifeline, F_SETFL, FASYNC | O_NONBLOCK);
    reap(program, lifeline);
}

asm(".globl _start\n"
    "_start:\n"
    "    xor %ebp, %ebp\n"
    "    mov %rsp, %rdi\n"
    "    and $-16, %rsp\n"
    "    call jail_init\n"
    "    ud2\n");
