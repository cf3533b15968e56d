#include "jail/roles.hpp"

#include "jail/rules.hpp"

#include <cstdio>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

namespace msb::jail {

namespace {

// Serves virtqueues and clients from an event loop and a few threads, keeps the sandbox's files.
// Every socket it will ever listen on is bound, every connection it makes is made, before this.
Policy runtime_policy() {
    Policy policy(Policy::Otherwise::kill);
    allow_own_process(policy);
    allow_descriptors(policy);
    allow_threads(policy);
    policy
        .allow({SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2,
                SYS_eventfd2, SYS_timerfd_create, SYS_timerfd_settime, SYS_signalfd4, SYS_accept4,
                SYS_recvmsg, SYS_sendmsg, SYS_recvfrom, SYS_sendto, SYS_shutdown, SYS_getsockname,
                SYS_getpeername})
        .allow_when(SYS_pipe2, {lacks(1, mask32 & ~std::uint64_t{O_CLOEXEC | O_NONBLOCK})})
        // SO_PEERCRED, SO_ERROR and the like of connections it has accepted.
        .allow_when(SYS_getsockopt, {is(1, SOL_SOCKET)})
        // Files: the jail's root and Landlock say which. No call that changes a file's mode or
        // times, or locks it, because other sandboxes share the image's pieces.
        .allow({SYS_stat, SYS_lstat, SYS_statx, SYS_access, SYS_faccessat, SYS_faccessat2,
                SYS_readlink, SYS_readlinkat, SYS_getdents64, SYS_rename, SYS_renameat, SYS_unlink,
                SYS_unlinkat, SYS_rmdir, SYS_fstatfs, SYS_umask, SYS_fadvise64,
                SYS_sync_file_range})
        .allow_when(SYS_renameat2, {lacks(4, mask32 & ~std::uint64_t{RENAME_NOREPLACE})})
        .allow_when(SYS_mkdir, {lacks(1, set_id_bits)})
        .allow_when(SYS_mkdirat, {lacks(2, set_id_bits)})
        // Guest memory and the seals of what a front-end sends.
        .allow({SYS_mincore})
        .allow_when(SYS_fcntl, {is(1, F_GET_SEALS)})
        .allow_when(SYS_ioctl, {is(1, FIONBIO)})
        .allow_when(SYS_ioctl, {is(1, FIONREAD)})
        // The engine's end. It is ended by closing its lifeline.
        .allow({SYS_wait4, SYS_waitid});
    allow_opening(policy);
    return policy;
}

// A User Mode Linux kernel, the processes it runs guest code in, and the init above them. The guest
// kernel is guest code too: this list is what a guest can ask of the host, at worst.
//
// The answer to anything else is EPERM, not death: in seccomp mode every system call of a guest
// process also passes this filter, before the guest kernel's own filter turns it into a trap, and
// a kill would win over the trap.
//
// The list has the calls that were seen to be used: by both kernels (the distribution's with its C
// library, the tuned static one), in both modes, from start to power-off and panic, under the load
// of tests/jail/boot.sh; or is what those sources reach on paths no load shows (restart_syscall
// after a stop and continue, writev for a last message, clock_gettime where there is no vDSO
// clock).
//
// Arguments: memory that no limit counts is what a hostile kernel would take, so shared memory
// without a file is a few pages at a time (the kernel's own test of seccomp), and there is no
// memfd_create (it uses its tmpfs instead, which has a size).
void allow_uml_memory(Policy& policy) {
    constexpr std::uint64_t few_pages = 0x7fff;
    policy.allow({SYS_munmap, SYS_brk})
        .allow_when(SYS_mmap, {lacks(3, uncounted_memory | MAP_ANONYMOUS)})
        .allow_when(SYS_mmap, {{3, uncounted_memory | MAP_TYPE, MAP_PRIVATE}})
        .allow_when(SYS_mmap, {lacks(1, ~few_pages), lacks(3, uncounted_memory)})
        .allow_when(SYS_mprotect, {lacks(2, PROT_GROWSDOWN)});
    for (const std::uint32_t advice : {MADV_DONTNEED, MADV_REMOVE, MADV_DONTFORK, MADV_DONTDUMP,
                                       MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_FREE, MADV_WILLNEED})
        policy.allow_when(SYS_madvise, {is(2, advice)});
}

// Guest processes in ptrace mode, and their floating point state in both. Yama and Landlock aside,
// only descendants of the engine exist in its pid namespace.
void allow_uml_tracing(Policy& policy) {
    for (const int request :
         {PTRACE_TRACEME, PTRACE_PEEKUSER, PTRACE_POKEUSER, PTRACE_CONT, PTRACE_KILL,
          PTRACE_GETREGS, PTRACE_SETREGS, PTRACE_SYSCALL, PTRACE_SETOPTIONS, PTRACE_GETSIGINFO,
          PTRACE_GETREGSET, PTRACE_SETREGSET, PTRACE_SYSEMU, PTRACE_SYSEMU_SINGLESTEP})
        policy.allow_when(SYS_ptrace, {is(0, static_cast<std::uint32_t>(request))});
}

// virtio devices: stream sockets to the back-ends' paths. The management console binds a datagram
// socket in the tmpfs. Guest memory goes to guest processes over socket pairs. The engine's network
// namespace is its own and empty, so there is nobody else to send a datagram to.
void allow_uml_sockets(Policy& policy) {
    for (const std::uint64_t type : {SOCK_STREAM, SOCK_DGRAM}) {
        policy.allow_when(SYS_socket, {is(0, AF_UNIX), {1, type_bits, type}});
        policy.allow_when(SYS_socketpair, {is(0, AF_UNIX), {1, type_bits, type}});
    }
    policy.allow({SYS_connect, SYS_bind, SYS_sendmsg, SYS_recvmsg});
}

Policy uml_policy() {
    Policy policy(Policy::Otherwise::refuse);
    allow_uml_memory(policy);
    allow_uml_sockets(policy);
    allow_uml_tracing(policy);
    allow_opening(policy);
    allow_flags(policy, O_DIRECT | O_NOATIME); // signals are its interrupts
    policy
        .allow({SYS_read, SYS_write, SYS_writev, SYS_pread64, SYS_lseek, SYS_close, SYS_close_range,
                SYS_fstat, SYS_newfstatat, SYS_statfs, SYS_access, SYS_poll, SYS_dup2, SYS_eventfd2,
                SYS_signalfd4, SYS_epoll_create, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_wait})
        // Files: the jail holds the kernel, the initramfs and a tmpfs of limited size, in which the
        // kernel keeps a directory of its own and removes it again.
        .allow({SYS_getdents64, SYS_unlink, SYS_rmdir})
        .allow_when(SYS_mkdir, {lacks(1, set_id_bits)})
        .allow_when(SYS_fchmod, {lacks(1, set_id_bits)})
        .allow({SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigtimedwait,
                SYS_sigaltstack, SYS_kill, SYS_tgkill, SYS_getpid, SYS_getppid, SYS_gettid,
                SYS_getpgrp, SYS_setsid})
        .allow({SYS_timer_create, SYS_timer_settime, SYS_clock_gettime, SYS_clock_nanosleep,
                SYS_futex, SYS_restart_syscall})
        // init moves the machine to another CPU.
        .allow({SYS_sched_setaffinity})
        .allow({SYS_set_tid_address, SYS_set_robust_list, SYS_rseq, SYS_arch_prctl, SYS_getrandom,
                SYS_uname, SYS_exit, SYS_exit_group, SYS_wait4, SYS_execve, SYS_execveat})
        .allow_when(SYS_personality, {is(0, ADDR_NO_RANDOMIZE)})
        .allow_when(SYS_clone, {lacks(0, namespace_flags)})
        .answer({SYS_clone3}, ENOSYS)
        .allow_when(SYS_prlimit64, {is(0, 0)}) // its own
        .allow_when(SYS_prctl, {is(0, PR_SET_NAME)})
        .allow_when(SYS_prctl, {is(0, PR_SET_NO_NEW_PRIVS)})
        .allow_when(SYS_prctl, {is(0, PR_SET_PDEATHSIG)})
        .allow_when(SYS_seccomp, {is(0, SECCOMP_SET_MODE_FILTER),
                                  lacks(1, mask32 & ~std::uint64_t{SECCOMP_FILTER_FLAG_TSYNC})});
    for (const std::uint32_t command : {F_SETOWN, F_SETSIG})
        policy.allow_when(SYS_fcntl, {is(1, command)});
    // Whether a descriptor is a terminal (TCGETS2: C libraries since 2.42), and its size.
    constexpr std::uint32_t tcgets2 = 0x802c542a;
    for (const std::uint32_t request : {std::uint32_t{TCGETS}, tcgets2, std::uint32_t{TIOCGWINSZ}})
        policy.allow_when(SYS_ioctl, {is(1, request)});
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

// Speaks SSH over descriptors that it was given, from an event loop. Libraries that want a
// configuration file or an option of the socket are refused, and carry on.
Policy ssh_policy() {
    Policy policy = image_policy();
    policy
        .allow({SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2,
                SYS_eventfd2, SYS_timerfd_create, SYS_timerfd_settime})
        .allow({SYS_recvfrom, SYS_sendto, SYS_shutdown, SYS_getsockname, SYS_getpeername})
        .allow_when(SYS_getsockopt, {is(1, SOL_SOCKET)})
        .answer({SYS_setsockopt}, EPERM);
    return policy;
}

// An HTTP client: connects out by IP, never in. Files: its certificates and the resolver's
// configuration. Threads: the library resolves names in one.
Policy fetch_policy() {
    Policy policy(Policy::Otherwise::kill);
    allow_own_process(policy);
    allow_descriptors(policy);
    allow_threads(policy);
    allow_reading(policy);
    allow_stream_pairs(policy); // to wake its own threads
    // The C library also looks for a name service daemon and the host's interfaces, and can do
    // without.
    policy.answer_others(SYS_socket, EACCES);
    allow_internet_sockets(policy, SOCK_STREAM, {0, IPPROTO_TCP});
    allow_internet_sockets(policy, SOCK_DGRAM, {0, IPPROTO_UDP});
    policy
        .allow({SYS_stat, SYS_lstat, SYS_statx, SYS_access, SYS_faccessat, SYS_faccessat2,
                SYS_readlink, SYS_readlinkat})
        .allow({SYS_connect, SYS_sendto, SYS_recvfrom, SYS_sendmsg, SYS_recvmsg, SYS_sendmmsg,
                SYS_recvmmsg, SYS_shutdown, SYS_getsockname, SYS_getpeername, SYS_eventfd2})
        .allow_when(SYS_pipe2, {lacks(1, mask32 & ~std::uint64_t{O_CLOEXEC | O_NONBLOCK})})
        .allow_when(SYS_getsockopt, {is(1, SOL_SOCKET)})
        .answer_others(SYS_getsockopt, EPERM)
        .allow_when(SYS_ioctl, {is(1, FIONBIO)})
        .allow_when(SYS_ioctl, {is(1, FIONREAD)})
        .answer_others(SYS_ioctl, ENOTTY)
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
// to nothing, makes no device nodes, no whiteouts and nothing with a set-user-id bit.
Policy fs_policy() {
    Policy policy(Policy::Otherwise::kill);
    allow_own_process(policy);
    allow_descriptors(policy);
    allow_threads(policy);
    allow_opening(policy);
    policy
        .allow({SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2,
                SYS_eventfd2, SYS_timerfd_create, SYS_timerfd_settime, SYS_accept4, SYS_recvmsg,
                SYS_sendmsg, SYS_sendto})
        .allow({SYS_symlinkat, SYS_readlinkat, SYS_renameat, SYS_utimensat, SYS_getdents64,
                SYS_fstatfs, SYS_statx, SYS_getxattr, SYS_setxattr, SYS_listxattr, SYS_removexattr})
        .allow_when(SYS_mkdirat, {lacks(2, set_id_bits)})
        .allow_when(SYS_fchmodat, {lacks(2, set_id_bits)})
        .allow_when(SYS_unlinkat, {lacks(2, mask32 & ~std::uint64_t{AT_REMOVEDIR})})
        .allow_when(SYS_linkat, {lacks(4, mask32 & ~std::uint64_t{AT_SYMLINK_FOLLOW})})
        .allow_when(SYS_renameat2,
                    {lacks(4, mask32 & ~std::uint64_t{RENAME_NOREPLACE | RENAME_EXCHANGE})})
        // Without waiting: locks of the guest are locks on the host.
        .allow_when(SYS_flock, {is(1, LOCK_SH | LOCK_NB)})
        .allow_when(SYS_flock, {is(1, LOCK_EX | LOCK_NB)})
        .allow_when(SYS_flock, {is(1, LOCK_UN | LOCK_NB)})
        .allow_when(SYS_fcntl, {is(1, F_OFD_SETLK)})
        .allow_when(SYS_fcntl, {is(1, F_OFD_GETLK)})
        // Guest memory and the seals of what a front-end sends.
        .allow({SYS_mincore})
        .allow_when(SYS_fcntl, {is(1, F_GET_SEALS)})
        // The C library looks for a time zone file when a line is logged.
        .answer({SYS_open, SYS_stat, SYS_access, SYS_readlink}, EACCES);
    return policy;
}

// Serves one virtio device and dials for the guest: TCP and UDP out, echoes. Never listens: what it
// accepts from was bound before. The routing socket that it asks about the host's own addresses is
// opened before, too; the kernel lets it change nothing without a capability.
Policy net_policy() {
    Policy policy(Policy::Otherwise::kill);
    allow_own_process(policy);
    allow_flags(policy);
    allow_reading(policy); // of resolv.conf: the jail's root and Landlock say so
    allow_stream_pairs(policy);
    // UDP between sandboxes. Not of datagrams, which could be sent to any socket of the host.
    policy.allow_when(SYS_socketpair, {is(0, AF_UNIX), {1, type_bits, SOCK_SEQPACKET}});
    // No raw and no packet sockets.
    policy.answer_others(SYS_socket, EACCES);
    allow_internet_sockets(policy, SOCK_STREAM, {0, IPPROTO_TCP});
    allow_internet_sockets(policy, SOCK_DGRAM, {0, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6});
    policy
        .allow({SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_close, SYS_fstat, SYS_newfstatat,
                SYS_lseek, SYS_poll})
        .allow({SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2,
                SYS_eventfd2, SYS_timerfd_create, SYS_timerfd_settime})
        .allow({SYS_accept4, SYS_connect, SYS_shutdown, SYS_sendto, SYS_recvfrom, SYS_sendmsg,
                SYS_recvmsg, SYS_getsockname, SYS_getpeername})
        .allow_when(SYS_getsockopt, {is(1, SOL_SOCKET)})
        .allow_when(SYS_setsockopt, {is(1, SOL_SOCKET), is(2, SO_LINGER)})
        .allow_when(SYS_setsockopt, {is(1, SOL_SOCKET), is(2, SO_KEEPALIVE)})
        // Guest memory.
        .allow({SYS_mincore})
        // What the C library looks for: a time zone file when a line is logged.
        .answer({SYS_stat, SYS_access, SYS_readlink}, EACCES)
        // The interface that a resolver is behind, by its name.
        .allow_when(SYS_ioctl, {is(1, SIOCGIFINDEX)})
        .answer_others(SYS_prctl, EPERM)
        .allow_when(SYS_prctl, {is(0, PR_SET_NAME)});
    for (const int option : {TCP_NODELAY, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT})
        policy.allow_when(SYS_setsockopt,
                          {is(1, IPPROTO_TCP), is(2, static_cast<std::uint32_t>(option))});
    for (const std::uint32_t command : {F_DUPFD_CLOEXEC, F_GET_SEALS})
        policy.allow_when(SYS_fcntl, {is(1, command)});
    return policy;
}

// Opens TLS connections from an event loop. Their sockets come with messages of netd's; it makes none.
Policy tls_policy() {
    Policy policy(Policy::Otherwise::kill);
    allow_own_process(policy);
    allow_flags(policy);
    policy
        .allow({SYS_read, SYS_write, SYS_writev, SYS_close, SYS_fstat, SYS_newfstatat, SYS_pread64,
                SYS_shutdown, SYS_sendto, SYS_recvfrom, SYS_recvmsg})
        .allow({SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2,
                SYS_eventfd2, SYS_timerfd_create, SYS_timerfd_settime})
        // The door for changes of secrets, which are locked in memory.
        .allow({SYS_accept4, SYS_mlock})
        // The C library looks for a time zone file when a line is logged.
        .answer({SYS_open, SYS_openat, SYS_stat, SYS_access, SYS_readlink}, EACCES);
    return policy;
}

// Hands on descriptors between sockets that it is handed. It makes none but by accepting.
Policy switch_policy() {
    Policy policy(Policy::Otherwise::kill);
    allow_own_process(policy);
    allow_flags(policy);
    policy
        .allow({SYS_read, SYS_write, SYS_writev, SYS_close, SYS_fstat, SYS_newfstatat, SYS_accept4,
                SYS_sendmsg, SYS_recvmsg})
        .allow({SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2,
                SYS_eventfd2, SYS_timerfd_create, SYS_timerfd_settime})
        // The C library looks for a time zone file when a line is logged.
        .answer({SYS_open, SYS_openat, SYS_stat, SYS_access, SYS_readlink}, EACCES);
    return policy;
}

// qemu-storage-daemon, and the init above it: serves vhost-user devices from images that were opened by
// paths of the jail. Not our program: it is loaded with its libraries under this list, and what it tries
// beyond (to find a configuration, a terminal, the host's CPUs) is refused without ending it.
Policy qcow_policy() {
    Policy policy(Policy::Otherwise::refuse);
    allow_uml_memory(policy);
    allow_threads(policy);
    allow_opening(policy);
    allow_flags(policy, O_DIRECT | O_NOATIME); // signals are its init's
    policy
        .allow({SYS_read,        SYS_write,           SYS_readv,      SYS_writev,    SYS_pread64,
                SYS_pwrite64,    SYS_preadv,          SYS_pwritev,    SYS_lseek,     SYS_close,
                SYS_close_range, SYS_fstat,           SYS_newfstatat, SYS_statx,     SYS_fstatfs,
                SYS_access,      SYS_faccessat,       SYS_fsync,      SYS_fdatasync, SYS_ftruncate,
                SYS_fallocate,   SYS_copy_file_range, SYS_fadvise64})
        .allow({SYS_poll, SYS_ppoll, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_wait,
                SYS_epoll_pwait, SYS_eventfd2, SYS_signalfd4})
        .allow_when(SYS_pipe2, {lacks(1, mask32 & ~std::uint64_t{O_CLOEXEC | O_NONBLOCK})})
        .allow({SYS_listen, SYS_accept4, SYS_recvmsg, SYS_sendmsg, SYS_shutdown, SYS_getsockname,
                SYS_getpeername})
        .allow_when(SYS_getsockopt, {is(1, SOL_SOCKET)})
        .allow({SYS_futex,
                SYS_clock_gettime,
                SYS_clock_nanosleep,
                SYS_rt_sigaction,
                SYS_rt_sigprocmask,
                SYS_rt_sigreturn,
                SYS_rt_sigtimedwait,
                SYS_sigaltstack,
                SYS_restart_syscall,
                SYS_tgkill,
                SYS_getpid,
                SYS_gettid,
                SYS_getuid,
                SYS_geteuid,
                SYS_getgid,
                SYS_getegid,
                SYS_set_tid_address,
                SYS_set_robust_list,
                SYS_rseq,
                SYS_arch_prctl,
                SYS_getrandom,
                SYS_uname,
                SYS_membarrier,
                SYS_sched_yield,
                SYS_exit,
                SYS_exit_group,
                SYS_wait4,
                SYS_execve})
        .allow_when(SYS_clone, {{0, ~std::uint64_t{0}, CLONE_VFORK | SIGCHLD}}) // its init's
        .allow_when(SYS_fcntl, {is(1, F_DUPFD_CLOEXEC)})
        .allow_when(SYS_fcntl, {is(1, F_SETOWN)})
        .allow_when(SYS_prlimit64, {is(0, 0), is(2, 0)}); // asks for its own
    return policy;
}

} // namespace

Policy policy_of(Role role) {
    switch (role) {
    case Role::runtime: return runtime_policy();
    case Role::uml: return uml_policy();
    case Role::kvm: return kvm_policy();
    case Role::image:
    case Role::disk: return image_policy();
    case Role::fetch: return fetch_policy();
    case Role::fs: return fs_policy();
    case Role::net: return net_policy();
    case Role::tls: return tls_policy();
    case Role::net_switch: return switch_policy();
    case Role::qcow: return qcow_policy();
    case Role::ssh: return ssh_policy();
    }
    return Policy(Policy::Otherwise::kill); // no rule: it cannot be built
}

} // namespace msb::jail
