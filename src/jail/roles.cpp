#include "jail/roles.hpp"

#include <algorithm>
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>

namespace msb::jail {

namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr std::uint64_t namespace_flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS |
                                          CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                                          CLONE_NEWCGROUP | CLONE_PTRACE;

/// Memory, time, signals and threads of the process itself: the floor of every C++ program.
void allow_own_process(Policy& policy) {
    policy
        .allow({SYS_munmap,       SYS_mremap,          SYS_madvise,
                SYS_brk,          SYS_futex,           SYS_clock_gettime,
                SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep,
                SYS_gettimeofday, SYS_getrandom,       SYS_exit,
                SYS_exit_group,   SYS_rt_sigaction,    SYS_rt_sigprocmask,
                SYS_rt_sigreturn, SYS_sigaltstack,     SYS_restart_syscall,
                SYS_sched_yield,  SYS_getpid,          SYS_gettid,
                SYS_getuid,       SYS_geteuid,         SYS_getgid,
                SYS_getegid,      SYS_getrusage,       SYS_set_robust_list,
                SYS_rseq,         SYS_membarrier,      SYS_uname})
        // No new code: what runs is what was loaded.
        .allow_when(SYS_mmap, {lacks(2, PROT_EXEC)})
        .allow_when(SYS_mprotect, {lacks(2, PROT_EXEC)})
        // abort() and assertions; the pid namespace limits whom it can reach.
        .allow({SYS_tgkill})
        .answer({SYS_sched_getaffinity, SYS_sysinfo, SYS_prlimit64}, EPERM);
}

/// Descriptors that are already open. newfstatat is how libc does fstat.
void allow_descriptors(Policy& policy) {
    policy.allow({SYS_read,      SYS_write,          SYS_readv,     SYS_writev,
                  SYS_pread64,   SYS_pwrite64,       SYS_preadv,    SYS_pwritev,
                  SYS_preadv2,   SYS_pwritev2,       SYS_lseek,     SYS_close,
                  SYS_fstat,     SYS_newfstatat,     SYS_poll,      SYS_ppoll,
                  SYS_dup,       SYS_fsync,          SYS_fdatasync, SYS_ftruncate,
                  SYS_fallocate, SYS_copy_file_range});
    for (const std::uint32_t command : {F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC})
        policy.allow_when(SYS_fcntl, {is(1, command)});
}

// Serves virtqueues and clients from an event loop and a few threads, keeps the sandbox's files.
// Every socket it will ever listen on is bound, every connection it makes is made, before this.
Policy runtime_policy() {
    Policy policy(Policy::Otherwise::kill);
    allow_own_process(policy);
    allow_descriptors(policy);
    policy
        .allow({SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2,
                SYS_eventfd2, SYS_timerfd_create, SYS_timerfd_settime, SYS_signalfd4, SYS_pipe2,
                SYS_accept4, SYS_recvmsg, SYS_sendmsg, SYS_recvfrom, SYS_sendto, SYS_shutdown,
                SYS_getsockname, SYS_getpeername})
        // SO_PEERCRED, SO_ERROR and buffer sizes of connections it has accepted.
        .allow_when(SYS_getsockopt, {is(1, SOL_SOCKET)})
        .allow_when(SYS_setsockopt, {is(1, SOL_SOCKET)})
        // Files: the jail's root and Landlock say which.
        .allow({SYS_openat,    SYS_stat,       SYS_lstat,           SYS_statx,      SYS_access,
                SYS_faccessat, SYS_faccessat2, SYS_readlink,        SYS_readlinkat, SYS_getdents64,
                SYS_rename,    SYS_renameat,   SYS_renameat2,       SYS_unlink,     SYS_unlinkat,
                SYS_mkdir,     SYS_mkdirat,    SYS_rmdir,           SYS_flock,      SYS_fchmod,
                SYS_utimensat, SYS_fstatfs,    SYS_sync_file_range, SYS_umask,      SYS_fadvise64})
        // Guest memory and the seals of what a front-end sends.
        .allow({SYS_mincore, SYS_memfd_create})
        .allow_when(SYS_fcntl, {is(1, F_GET_SEALS)})
        .allow_when(SYS_fcntl, {is(1, F_ADD_SEALS)})
        // Locks on its own files, as SQLite and lock files use them.
        .allow_when(SYS_fcntl, {is(1, F_SETLK)})
        .allow_when(SYS_fcntl, {is(1, F_OFD_SETLK)})
        .allow_when(SYS_ioctl, {is(1, FIONBIO)})
        .allow_when(SYS_ioctl, {is(1, FIONREAD)})
        // The engine's end. It is ended by closing its lifeline.
        .allow({SYS_wait4, SYS_waitid})
        // Threads yes, namespaces no. clone3 hides its flags in memory; libc falls back to clone.
        .allow_when(SYS_clone, {lacks(0, namespace_flags), {0, CLONE_THREAD, CLONE_THREAD}})
        .answer({SYS_clone3}, ENOSYS)
        .allow_when(SYS_prctl, {is(0, PR_SET_NAME)});
    return policy;
}

// A User Mode Linux kernel, the processes it runs guest code in, and the init above them. The guest
// kernel is guest code too: this list is what a guest can ask of the host, at worst.
//
// The answer to anything else is EPERM, not death: in seccomp mode every system call of a guest
// process also passes this filter, before the guest kernel's own filter turns it into a trap, and
// a kill would win over the trap.
//
// What is here was seen to be used: by both kernels (the distribution's with its C library, the
// tuned static one), in both modes, from start to power-off and panic, under the load of
// tests/jail/boot.sh; or is what those sources reach on paths no load shows (restart_syscall after
// a stop and continue, writev for a last message, clock_gettime where there is no vDSO clock).
Policy uml_policy() {
    Policy policy(Policy::Otherwise::refuse);
    policy
        .allow({SYS_read, SYS_write, SYS_writev, SYS_pread64, SYS_lseek, SYS_close, SYS_close_range,
                SYS_fstat, SYS_newfstatat, SYS_statfs, SYS_access, SYS_poll, SYS_dup2, SYS_eventfd2,
                SYS_signalfd4, SYS_epoll_create, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_wait})
        // Files: the jail holds the kernel, the initramfs and a tmpfs of limited size, in which the
        // kernel keeps a directory of its own and removes it again.
        .allow({SYS_openat, SYS_mkdir, SYS_getdents64, SYS_unlink, SYS_rmdir, SYS_fchmod})
        .allow({SYS_mmap, SYS_munmap, SYS_mprotect, SYS_madvise, SYS_brk, SYS_memfd_create})
        .allow({SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigtimedwait,
                SYS_sigaltstack, SYS_kill, SYS_tgkill, SYS_getpid, SYS_getppid, SYS_gettid,
                SYS_getpgrp, SYS_setsid})
        .allow({SYS_timer_create, SYS_timer_settime, SYS_clock_gettime, SYS_clock_nanosleep,
                SYS_futex, SYS_restart_syscall})
        // Of init, to move the machine to another CPU.
        .allow({SYS_sched_setaffinity})
        .allow({SYS_set_tid_address, SYS_set_robust_list, SYS_rseq, SYS_arch_prctl, SYS_getrandom,
                SYS_uname, SYS_personality, SYS_exit, SYS_exit_group, SYS_wait4, SYS_execve,
                SYS_execveat})
        .allow_when(SYS_clone, {lacks(0, namespace_flags)})
        .answer({SYS_clone3}, ENOSYS)
        .allow_when(SYS_prlimit64, {is(0, 0)}) // its own
        // virtio devices: stream sockets to the back-ends' paths. The management console binds a
        // datagram socket in the tmpfs. Guest memory goes to guest processes over socket pairs.
        .allow_when(SYS_socket, {is(0, AF_UNIX)})
        .allow_when(SYS_socketpair, {is(0, AF_UNIX)})
        .allow({SYS_connect, SYS_bind, SYS_sendmsg, SYS_recvmsg})
        .allow_when(SYS_prctl, {is(0, PR_SET_NAME)})
        .allow_when(SYS_prctl, {is(0, PR_SET_NO_NEW_PRIVS)})
        .allow_when(SYS_prctl, {is(0, PR_SET_PDEATHSIG)})
        .allow_when(SYS_seccomp, {is(0, 1 /* SECCOMP_SET_MODE_FILTER */)});
    for (const std::uint32_t command :
         {F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_SETOWN, F_SETSIG, F_ADD_SEALS})
        policy.allow_when(SYS_fcntl, {is(1, command)});
    // Whether a descriptor is a terminal (TCGETS2: C libraries since 2.42), and its size.
    constexpr std::uint32_t tcgets2 = 0x802c542a;
    for (const std::uint32_t request : {std::uint32_t{TCGETS}, tcgets2, std::uint32_t{TIOCGWINSZ}})
        policy.allow_when(SYS_ioctl, {is(1, request)});
    // Guest processes in ptrace mode, and their floating point state in both. Yama and Landlock
    // aside, only descendants of the engine exist in its pid namespace.
    for (const int request :
         {PTRACE_TRACEME, PTRACE_PEEKUSER, PTRACE_POKEUSER, PTRACE_CONT, PTRACE_KILL,
          PTRACE_GETREGS, PTRACE_SETREGS, PTRACE_SYSCALL, PTRACE_SETOPTIONS, PTRACE_GETSIGINFO,
          PTRACE_GETREGSET, PTRACE_SETREGSET, PTRACE_SYSEMU, PTRACE_SYSEMU_SINGLESTEP})
        policy.allow_when(SYS_ptrace, {is(0, static_cast<std::uint32_t>(request))});
    return policy;
}

// Parses hostile bytes: computes, reads and writes what it was given. Libraries that look for a
// configuration or time zone file are told there is none, and carry on.
Policy image_policy() {
    Policy policy(Policy::Otherwise::kill);
    allow_own_process(policy);
    allow_descriptors(policy);
    policy.answer({SYS_open, SYS_openat, SYS_stat, SYS_lstat, SYS_statx, SYS_access, SYS_faccessat,
                   SYS_readlink, SYS_readlinkat, SYS_socket},
                  EACCES);
    return policy;
}

// An HTTP client: connects out by IP, never in. Files: its certificates and the resolver's
// configuration. Threads: the library resolves names in one.
Policy fetch_policy() {
    Policy policy(Policy::Otherwise::kill);
    allow_own_process(policy);
    allow_descriptors(policy);
    policy
        .allow({SYS_open, SYS_openat, SYS_stat, SYS_lstat, SYS_statx, SYS_access, SYS_faccessat,
                SYS_faccessat2, SYS_readlink, SYS_readlinkat})
        .allow({SYS_connect, SYS_sendto, SYS_recvfrom, SYS_sendmsg, SYS_recvmsg, SYS_sendmmsg,
                SYS_recvmmsg, SYS_shutdown, SYS_getsockname, SYS_getpeername, SYS_getsockopt,
                SYS_pipe2, SYS_eventfd2})
        // The C library also looks for a name service daemon and the host's interfaces, and can do
        // without.
        .allow_when(SYS_socket, {is(0, AF_INET)})
        .allow_when(SYS_socket, {is(0, AF_INET6)})
        .answer_others(SYS_socket, EACCES)
        .allow_when(SYS_socketpair, {is(0, AF_UNIX)}) // to wake its own threads
        .allow_when(SYS_ioctl, {is(1, FIONBIO)})
        .allow_when(SYS_ioctl, {is(1, FIONREAD)})
        .answer_others(SYS_ioctl, ENOTTY)
        .allow_when(SYS_clone, {lacks(0, namespace_flags), {0, CLONE_THREAD, CLONE_THREAD}})
        .answer({SYS_clone3}, ENOSYS)
        .allow_when(SYS_prctl, {is(0, PR_SET_NAME)})
        .answer_others(SYS_setsockopt, EPERM);
    for (const int option : {SO_KEEPALIVE, SO_SNDBUF, SO_RCVBUF})
        policy.allow_when(SYS_setsockopt,
                          {is(1, SOL_SOCKET), is(2, static_cast<std::uint32_t>(option))});
    for (const int option : {TCP_NODELAY, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT})
        policy.allow_when(SYS_setsockopt,
                          {is(1, IPPROTO_TCP), is(2, static_cast<std::uint32_t>(option))});
    policy.allow_when(SYS_setsockopt, {is(1, IPPROTO_IP), is(2, IP_RECVERR)});
    policy.allow_when(SYS_setsockopt, {is(1, IPPROTO_IPV6), is(2, IPV6_RECVERR)});
    return policy;
}

// Serves virtqueues from an event loop and a thread a mount, and works on files: relative to the
// directories it was given, which the jail's root and Landlock repeat. Executes nothing, connects
// to nothing, makes no device nodes.
Policy fs_policy() {
    Policy policy(Policy::Otherwise::kill);
    allow_own_process(policy);
    allow_descriptors(policy);
    policy
        .allow({SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2,
                SYS_eventfd2, SYS_timerfd_create, SYS_timerfd_settime, SYS_accept4, SYS_recvmsg,
                SYS_sendmsg, SYS_sendto})
        .allow({SYS_openat, SYS_open, SYS_mkdirat, SYS_unlinkat, SYS_renameat, SYS_renameat2,
                SYS_linkat, SYS_symlinkat, SYS_readlinkat, SYS_fchmodat, SYS_utimensat,
                SYS_getdents64, SYS_fstatfs, SYS_getxattr, SYS_setxattr, SYS_listxattr,
                SYS_removexattr})
        // Guest memory and the seals of what a front-end sends.
        .allow({SYS_mincore})
        .allow_when(SYS_fcntl, {is(1, F_GET_SEALS)})
        .allow_when(SYS_clone, {lacks(0, namespace_flags), {0, CLONE_THREAD, CLONE_THREAD}})
        .answer({SYS_clone3}, ENOSYS)
        .allow_when(SYS_prctl, {is(0, PR_SET_NAME)});
    return policy;
}

// Serves one virtio device and dials for the guest: TCP and UDP out, echoes. Never listens: what it
// accepts from was bound before. The routing socket that it asks about the host's own addresses is
// opened before, too; the kernel lets it change nothing without a capability.
Policy net_policy() {
    constexpr std::uint64_t type_bits = 0xf; // without flags
    Policy policy(Policy::Otherwise::kill);
    allow_own_process(policy);
    policy
        .allow({SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_close, SYS_fstat, SYS_newfstatat,
                SYS_lseek, SYS_poll})
        .allow({SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2,
                SYS_eventfd2, SYS_timerfd_create, SYS_timerfd_settime})
        .allow({SYS_accept4, SYS_connect, SYS_shutdown, SYS_sendto, SYS_recvfrom, SYS_sendmsg,
                SYS_recvmsg, SYS_getsockname, SYS_getpeername})
        // No datagrams: those can be addressed to others' sockets.
        .allow_when(SYS_socketpair, {is(0, AF_UNIX), {1, type_bits, SOCK_STREAM}})
        .answer_others(SYS_socket, EACCES)
        .allow_when(SYS_getsockopt, {is(1, SOL_SOCKET)})
        .allow_when(SYS_setsockopt, {is(1, SOL_SOCKET), is(2, SO_LINGER)})
        .allow_when(SYS_setsockopt, {is(1, SOL_SOCKET), is(2, SO_KEEPALIVE)})
        // Guest memory.
        .allow({SYS_mincore})
        // The C library looks for a time zone file when a line is logged.
        .answer({SYS_open, SYS_openat, SYS_stat, SYS_access, SYS_readlink}, EACCES)
        .answer_others(SYS_prctl, EPERM)
        .allow_when(SYS_prctl, {is(0, PR_SET_NAME)});
    for (const int option : {TCP_NODELAY, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT})
        policy.allow_when(SYS_setsockopt,
                          {is(1, IPPROTO_TCP), is(2, static_cast<std::uint32_t>(option))});
    // No raw and no packet sockets.
    for (const std::uint32_t family : {AF_INET, AF_INET6})
        for (const std::uint64_t type : {SOCK_STREAM, SOCK_DGRAM})
            policy.allow_when(SYS_socket, {is(0, family), {1, type_bits, type}});
    for (const std::uint32_t command :
         {F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC, F_GET_SEALS})
        policy.allow_when(SYS_fcntl, {is(1, command)});
    return policy;
}

} // namespace

Result<Program> seccomp_program(Role role) {
    switch (role) {
    case Role::runtime: return runtime_policy().build();
    case Role::uml: return uml_policy().build();
    case Role::image: return image_policy().build();
    case Role::fetch: return fetch_policy().build();
    case Role::fs: return fs_policy().build();
    case Role::net: return net_policy().build();
    }
    return fail(ErrorKind::invalid_argument, "jail: unknown role");
}

Limits limits_of(Role role, std::uint64_t memory_bytes) {
    switch (role) {
    case Role::runtime: return {.open_files = 65536};
    case Role::uml:
        // A guest process is a process of the host; 8 for each MiB of guest memory is beyond what a
        // guest can fill with real ones. Files: guest memory, and as much again in all others.
        return {.open_files = 65536,
                .processes = std::clamp<std::uint64_t>(8 * (memory_bytes / mib), 1024, 32768),
                .file_bytes = memory_bytes + 16 * mib,
                .data_bytes = 256 * mib};
    case Role::image: return {.open_files = 1024, .processes = 1, .data_bytes = 1024 * mib};
    case Role::fetch:
        // Threads count as processes: one for each name that is being resolved.
        return {
            .open_files = 256, .processes = 32, .file_bytes = 17 * mib, .data_bytes = 512 * mib};
    case Role::fs:
        // Descriptors are what a guest's cached files cost; fsd divides them among its mounts.
        return {.open_files = 262144, .data_bytes = 1024 * mib};
    case Role::net:
        // A socket for each connection (1024 at most), UDP flow, echo, question and published port.
        // A connection may hold a MiB.
        return {.open_files = 8192, .file_bytes = mib, .data_bytes = 1536 * mib};
    }
    return {};
}

} // namespace msb::jail
