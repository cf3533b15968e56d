#include "jail/rules.hpp"

#include <cerrno>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

namespace msb::jail {

void allow_opening(Policy& policy) {
    policy.allow_when(SYS_openat, {lacks(2, creating)})
        .allow_when(SYS_openat, {lacks(3, set_id_bits)});
}

void allow_reading(Policy& policy) {
    constexpr std::uint64_t changing = O_ACCMODE | O_TRUNC | creating;
    policy.allow_when(SYS_open, {lacks(1, changing)})
        .allow_when(SYS_openat, {lacks(2, changing)})
        .answer_others(SYS_open, EACCES)
        .answer_others(SYS_openat, EACCES);
}

void allow_flags(Policy& policy, std::uint64_t refused) {
    policy.allow_when(SYS_fcntl, {is(1, F_SETFL), lacks(2, refused)});
    for (const std::uint32_t command : {F_GETFL, F_GETFD, F_SETFD})
        policy.allow_when(SYS_fcntl, {is(1, command)});
}

void allow_memory(Policy& policy) {
    policy.allow({SYS_munmap, SYS_brk})
        .allow_when(SYS_mmap, {lacks(2, PROT_EXEC), lacks(3, uncounted_memory | MAP_ANONYMOUS)})
        .allow_when(SYS_mmap, {lacks(2, PROT_EXEC), {3, uncounted_memory | MAP_TYPE, MAP_PRIVATE}})
        .allow_when(SYS_mprotect, {lacks(2, PROT_EXEC | PROT_GROWSDOWN)})
        // mremap could enlarge a part of the stack, which no limit counts. The C library copies.
        .answer({SYS_mremap}, ENOMEM)
        .answer_others(SYS_madvise, EINVAL);
    // MADV_MERGEABLE is left out: merging equal pages tells one process what another has in memory.
    for (const std::uint32_t advice :
         {MADV_NORMAL, MADV_WILLNEED, MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE})
        policy.allow_when(SYS_madvise, {is(2, advice)});
}

void allow_threads(Policy& policy) {
    // No namespaces. clone3 has its flags in memory, where a filter cannot see them; libc falls
    // back to clone.
    policy.allow_when(SYS_clone, {lacks(0, namespace_flags), {0, CLONE_THREAD, CLONE_THREAD}})
        .answer({SYS_clone3}, ENOSYS)
        .allow_when(SYS_prctl, {is(0, PR_SET_NAME)});
}

void allow_internet_sockets(Policy& policy, int type, std::initializer_list<int> protocols) {
    for (const std::uint32_t family : {AF_INET, AF_INET6})
        for (const int protocol : protocols)
            policy.allow_when(SYS_socket, {is(0, family),
                                           {1, type_bits, static_cast<std::uint64_t>(type)},
                                           is(2, static_cast<std::uint32_t>(protocol))});
}

void allow_stream_pairs(Policy& policy) {
    policy.allow_when(SYS_socketpair, {is(0, AF_UNIX), {1, type_bits, SOCK_STREAM}});
}

void allow_own_process(Policy& policy) {
    allow_memory(policy);
    policy
        .allow({SYS_futex,           SYS_clock_gettime,
                SYS_clock_getres,    SYS_clock_nanosleep,
                SYS_nanosleep,       SYS_gettimeofday,
                SYS_getrandom,       SYS_exit,
                SYS_exit_group,      SYS_rt_sigaction,
                SYS_rt_sigprocmask,  SYS_rt_sigreturn,
                SYS_sigaltstack,     SYS_restart_syscall,
                SYS_sched_yield,     SYS_getpid,
                SYS_gettid,          SYS_getuid,
                SYS_geteuid,         SYS_getgid,
                SYS_getegid,         SYS_getrusage,
                SYS_set_robust_list, SYS_rseq,
                SYS_membarrier,      SYS_uname})
        // abort() and assertions; the pid namespace limits whom it can reach.
        .allow({SYS_tgkill})
        .answer({SYS_sched_getaffinity, SYS_sysinfo, SYS_prlimit64}, EPERM);
}

void allow_descriptors(Policy& policy) {
    policy.allow({SYS_read,      SYS_write,          SYS_readv,     SYS_writev,
                  SYS_pread64,   SYS_pwrite64,       SYS_preadv,    SYS_pwritev,
                  SYS_preadv2,   SYS_pwritev2,       SYS_lseek,     SYS_close,
                  SYS_fstat,     SYS_newfstatat,     SYS_poll,      SYS_ppoll,
                  SYS_dup,       SYS_fsync,          SYS_fdatasync, SYS_ftruncate,
                  SYS_fallocate, SYS_copy_file_range});
    allow_flags(policy);
    policy.allow_when(SYS_fcntl, {is(1, F_DUPFD_CLOEXEC)});
}

} // namespace msb::jail
