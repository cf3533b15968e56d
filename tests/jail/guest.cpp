// The guest of boot.cpp: pid 1 of the initramfs. Static, and needs nothing mounted.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <iterator>
#include <sched.h>
#include <string>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

/// The value of the word msb.do=... of the kernel command line.
std::string task() {
    ::mkdir("/proc", 0755);
    ::mount("proc", "/proc", "proc", 0, nullptr);
    char line[4096] = {};
    const int fd = ::open("/proc/cmdline", O_RDONLY);
    if (::read(fd, line, sizeof(line) - 1) < 0)
        return {};
    const char* word = std::strstr(line, "msb.do=");
    return word == nullptr ? "" : std::string(word + 7, std::strcspn(word + 7, " \n"));
}

/// Runs `body` in a child; true if it ends with 0.
template <class Body> bool in_child(Body body) {
    const pid_t pid = ::fork();
    if (pid == 0)
        ::_exit(body() ? 0 : 1);
    int status = -1;
    return ::waitpid(pid, &status, 0) == pid && status == 0;
}

bool forks_and_faults() {
    for (int i = 0; i < 20; ++i)
        if (!in_child([i] {
                std::string memory(4 << 20, 'x');
                return memory[static_cast<std::size_t>(i)] == 'x' && ::getppid() == 1;
            }))
            return false;
    return true;
}

/// Forks until it is refused, then ends them all.
bool survives_fork_bomb() {
    return in_child([] {
        const rlimit limit{100, 100};
        ::setrlimit(RLIMIT_NPROC, &limit);
        if (::setuid(1000) != 0)
            return false;
        int children = 0;
        while (children < 200) {
            const pid_t pid = ::fork();
            if (pid == 0)
                ::pause();
            if (pid < 0)
                break;
            ++children;
        }
        ::signal(SIGTERM, SIG_IGN);
        ::kill(-1, SIGKILL);
        int ended = 0;
        while (::waitpid(-1, nullptr, 0) > 0)
            ++ended;
        return children > 50 && ended == children;
    });
}

volatile sig_atomic_t alarms = 0;

bool has_signals_and_time() {
    ::signal(SIGALRM, [](int) { alarms = alarms + 1; });
    const itimerval every{{0, 10'000}, {0, 10'000}};
    ::setitimer(ITIMER_REAL, &every, nullptr);
    timespec before{}, after{};
    ::clock_gettime(CLOCK_MONOTONIC, &before);
    while (alarms < 5)
        ::pause();
    ::clock_gettime(CLOCK_MONOTONIC, &after);
    const itimerval never{};
    ::setitimer(ITIMER_REAL, &never, nullptr);
    const timespec set{1'800'000'000, 0};
    timespec now{};
    return (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1'000'000 >=
               40 &&
           ::clock_settime(CLOCK_REALTIME, &set) == 0 &&
           ::clock_gettime(CLOCK_REALTIME, &now) == 0 && now.tv_sec - set.tv_sec < 60;
}

/// A child dies of each thing that a processor can object to.
bool dies_as_it_should() {
    const auto dies_of = [](int signal, void (*act)()) {
        const pid_t pid = ::fork();
        if (pid == 0) {
            act();
            ::_exit(0);
        }
        int status = 0;
        return ::waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
               WTERMSIG(status) == signal;
    };
    return dies_of(SIGSEGV, [] { asm volatile("movl $1, 16"); }) &&
           dies_of(SIGILL, [] { asm volatile("ud2"); }) &&
           dies_of(SIGTRAP, [] { asm volatile("int3"); }) &&
           dies_of(SIGFPE,
                   [] {
                       asm volatile("xor %%edx, %%edx\n xor %%ecx, %%ecx\n div %%ecx" ::
                                        : "eax", "ecx", "edx");
                   }) &&
           dies_of(SIGABRT, [] { ::abort(); });
}

/// Maps, shares, moves, protects and executes memory; keeps its vector registers over all of it.
bool plays_with_memory() {
    constexpr std::size_t size = 1 << 20;
    const double third = 1.0 / 3;
    volatile double kept = third * 3;
    for (int round = 0; round < 50; ++round) {
        auto* memory = static_cast<unsigned char*>(
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
        if (memory == MAP_FAILED)
            return false;
        if (!in_child([&] {
                memory[size - 1] = 42;
                return true;
            }) ||
            memory[size - 1] != 42)
            return false;
        memory[0] = 0xc3; // ret
        if (::mprotect(memory, 4096, PROT_READ | PROT_EXEC) != 0)
            return false;
        reinterpret_cast<void (*)()>(memory)();
        // One mapping again: only such a one can be moved.
        if (::mprotect(memory, 4096, PROT_READ | PROT_WRITE) != 0)
            return false;
        auto* moved = ::mremap(memory, size, 2 * size, MREMAP_MAYMOVE);
        if (moved == MAP_FAILED || ::madvise(moved, size, MADV_DONTNEED) != 0 ||
            ::munmap(moved, 2 * size) != 0)
            return false;
    }
    return kept == 1.0;
}

int count_in_thread(void* counter) {
    for (int i = 0; i < 1000; ++i) {
        __atomic_fetch_add(static_cast<int*>(counter), 1, __ATOMIC_SEQ_CST);
        if (i % 100 == 0)
            ::sched_yield();
    }
    return 0;
}

bool runs_threads() {
    static char stacks[4][64 << 10];
    int counter = 0;
    for (auto& stack : stacks)
        if (::clone(count_in_thread, stack + sizeof(stack),
                    CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | SIGCHLD, &counter) < 0)
            return false;
    for (std::size_t i = 0; i < std::size(stacks); ++i)
        ::waitpid(-1, nullptr, __WALL);
    return counter == 4000;
}

/// A debugger in the guest: single steps, reads and writes registers.
bool traces() {
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        ::raise(SIGSTOP);
        ::_exit(7);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    user_regs_struct registers{};
    user_fpregs_struct floating{};
    bool good = WIFSTOPPED(status) && ::ptrace(PTRACE_GETREGS, pid, nullptr, &registers) == 0 &&
                ::ptrace(PTRACE_SETREGS, pid, nullptr, &registers) == 0 &&
                ::ptrace(PTRACE_GETFPREGS, pid, nullptr, &floating) == 0;
    for (int step = 0; step < 20 && good; ++step)
        good = ::ptrace(PTRACE_SINGLESTEP, pid, nullptr, nullptr) == 0 &&
               ::waitpid(pid, &status, 0) == pid && WIFSTOPPED(status);
    ::kill(pid, SIGSTOP); // stopped and continued on the way
    ::ptrace(PTRACE_CONT, pid, nullptr, nullptr);
    ::waitpid(pid, &status, 0);
    ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
    ::kill(pid, SIGCONT);
    return good && ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 7;
}

/// Everything that makes the guest's kernel ask its host for something.
const char* what_is_broken() {
    if (!forks_and_faults())
        return "forks and faults";
    if (!survives_fork_bomb())
        return "fork bomb";
    if (!has_signals_and_time())
        return "signals and time";
    if (!dies_as_it_should())
        return "fatal signals";
    if (!plays_with_memory())
        return "memory";
    if (!runs_threads())
        return "threads";
    if (!traces())
        return "ptrace";
    return nullptr;
}

} // namespace

int main() {
    ::mkdir("/dev", 0755);
    ::mount("dev", "/dev", "devtmpfs", 0, nullptr);
    const int console = ::open("/dev/console", O_WRONLY);
    const std::string what = task();
    if (what != "work")
        ::dprintf(console, "guest is up\n");
    else if (const char* broken = what_is_broken())
        ::dprintf(console, "guest is broken: %s\n", broken);
    else
        ::dprintf(console, "guest works\n");
    if (what == "panic")
        return 1; // the end of pid 1
    while (what == "hang")
        ::pause();
    ::reboot(what == "restart" ? RB_AUTOBOOT : RB_POWER_OFF);
}
