// Asks each role's filter, in the kernel, for calls that differ in one argument: one that the role
// needs, and one that would hurt. A process a question; descriptors are -1 and pointers null, so
// that nothing happens either way.
#include "jail/roles.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace msb;
using jail::Role;
using enum jail::Role;

using Arguments = std::array<std::uint64_t, 6>;
constexpr std::uint64_t none = ~std::uint64_t{0}; ///< a descriptor that is not open

struct Question {
    std::initializer_list<Role> roles;
    const char* about;
    long call;
    Arguments allowed;
    Arguments refused;
};

constexpr std::uint64_t anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
constexpr std::uint64_t read_write = PROT_READ | PROT_WRITE;
constexpr std::uint64_t mib = 1 << 20;

const Question questions[] = {
    // Files of somebody else's rights, and what is no file.
    {{runtime, fs, uml, qcow},
     "a set-user-id file by openat",
     SYS_openat,
     {none, 0, O_CREAT | O_WRONLY, 0755},
     {none, 0, O_CREAT | O_WRONLY, 04755}},
    {{runtime, fs, uml, qcow},
     "a set-group-id file without a name",
     SYS_openat,
     {none, 0, O_TMPFILE | O_WRONLY, 0755},
     {none, 0, O_TMPFILE | O_WRONLY, 02755}},
    {{runtime, fs, uml, qcow},
     "a mode that only counts for new files",
     SYS_openat,
     {none, 0, O_WRONLY, 04755},
     {none, 0, O_CREAT | O_WRONLY, 04755}},
    {{fs}, "set-user-id by fchmodat", SYS_fchmodat, {none, 0, 01777}, {none, 0, 04755}},
    {{fs}, "set-group-id by fchmodat", SYS_fchmodat, {none, 0, 0600}, {none, 0, 02755}},
    {{uml}, "set-user-id by fchmod", SYS_fchmod, {none, 0500}, {none, 04500}},
    {{runtime, fs}, "a set-group-id directory", SYS_mkdirat, {none, 0, 0755}, {none, 0, 02755}},
    {{runtime, uml}, "a set-group-id directory, by mkdir", SYS_mkdir, {0, 0755}, {0, 02755}},
    {{fs},
     "a whiteout, which is a device",
     SYS_renameat2,
     {none, 0, none, 0, 2},
     {none, 0, none, 0, 4}},
    {{runtime},
     "an exchange of names",
     SYS_renameat2,
     {none, 0, none, 0, 1},
     {none, 0, none, 0, 2}},
    {{fs},
     "a link to a descriptor without a name",
     SYS_linkat,
     {none, 0, none, 0, AT_SYMLINK_FOLLOW},
     {none, 0, none, 0, AT_EMPTY_PATH}},
    {{fs}, "another way to unlink", SYS_unlinkat, {none, 0, AT_REMOVEDIR}, {none, 0, 1}},
    {{fetch, net}, "a file for writing, by open", SYS_open, {0, O_RDONLY}, {0, O_RDWR}},
    {{fetch, net}, "a file for writing", SYS_openat, {none, 0, O_RDONLY}, {none, 0, O_RDWR}},
    {{fetch, net}, "a new file", SYS_openat, {none, 0, O_CLOEXEC}, {none, 0, O_CREAT}},
    // Memory that no limit counts, and code.
    {{runtime, image, fetch, fs, net, tls, net_switch},
     "executable memory",
     SYS_mmap,
     {0, mib, read_write, anonymous, none},
     {0, mib, read_write | PROT_EXEC, anonymous, none}},
    {{runtime, image, fetch, fs, net, tls, net_switch, uml, qcow},
     "shared memory without a file",
     SYS_mmap,
     {0, mib, read_write, anonymous, none},
     {0, mib, read_write, MAP_SHARED | MAP_ANONYMOUS, none}},
    {{runtime, image, fetch, fs, net, tls, net_switch, uml, qcow},
     "huge pages of the machine's pool",
     SYS_mmap,
     {0, mib, read_write, anonymous, none},
     {0, mib, read_write, anonymous | MAP_HUGETLB, none}},
    {{runtime, image, fetch, fs, net, tls, net_switch, uml, qcow},
     "memory that counts as a stack",
     SYS_mmap,
     {0, mib, read_write, anonymous, none},
     {0, mib, read_write, anonymous | MAP_GROWSDOWN, none}},
    {{uml, qcow},
     "more shared memory than a few pages",
     SYS_mmap,
     {0, 0x3000, read_write, MAP_SHARED | MAP_ANONYMOUS, none},
     {0, 0x1'0000'3000, read_write, MAP_SHARED | MAP_ANONYMOUS, none}},
    {{runtime, image, fetch, fs, net, tls, net_switch},
     "memory made executable later",
     SYS_mprotect,
     {0, 0, PROT_READ},
     {0, 0, PROT_EXEC}},
    {{uml, qcow},
     "memory that grows like a stack, later",
     SYS_mprotect,
     {0, 0, PROT_EXEC},
     {0, 0, PROT_READ | PROT_GROWSDOWN}},
    {{runtime, image, fetch, fs, net, tls, net_switch, uml, qcow},
     "pages merged with others'",
     SYS_madvise,
     {0, 0, MADV_DONTNEED},
     {0, 0, MADV_MERGEABLE}},
    // Descriptions that others hold too.
    {{runtime, image, fetch, fs, net, tls, net_switch},
     "signals by descriptor",
     SYS_fcntl,
     {none, F_SETFL, O_NONBLOCK},
     {none, F_SETFL, O_ASYNC}},
    {{runtime, image, fetch, fs, net, tls, net_switch, uml, qcow},
     "packets in a pipe",
     SYS_fcntl,
     {none, F_SETFL, O_APPEND},
     {none, F_SETFL, O_DIRECT}},
    {{runtime, image, fetch, fs, net, tls, net_switch},
     "an owner of a descriptor",
     SYS_fcntl,
     {none, F_GETFD},
     {none, F_SETOWN, 1}},
    {{runtime, image, fetch, fs, net, tls, net_switch, uml, qcow},
     "a lease on a file",
     SYS_fcntl,
     {none, F_GETFL},
     {none, F_SETLEASE, F_RDLCK}},
    {{runtime, image, fetch, fs, net, tls, net_switch, uml, qcow},
     "a lock on a file",
     SYS_fcntl,
     {none, F_SETFD, FD_CLOEXEC},
     {none, F_SETLK}},
    {{fs}, "waiting for a lock", SYS_flock, {none, LOCK_EX | LOCK_NB}, {none, LOCK_EX}},
    {{runtime, fetch, qcow},
     "a pipe of the kernel's messages",
     SYS_pipe2,
     {0, O_CLOEXEC},
     {0, O_EXCL}},
    // Sockets.
    {{fetch, net},
     "a pair of datagram sockets",
     SYS_socketpair,
     {AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC},
     {AF_UNIX, SOCK_DGRAM}},
    {{fetch, net, uml},
     "a pair of another family",
     SYS_socketpair,
     {AF_UNIX, SOCK_STREAM},
     {AF_INET, SOCK_STREAM}},
    {{uml}, "a pair of packets", SYS_socketpair, {AF_UNIX, SOCK_DGRAM}, {AF_UNIX, SOCK_SEQPACKET}},
    {{uml}, "a socket of a network", SYS_socket, {AF_UNIX, SOCK_STREAM}, {AF_INET, SOCK_STREAM}},
    {{uml}, "a socket of packets", SYS_socket, {AF_UNIX, SOCK_DGRAM}, {AF_UNIX, SOCK_SEQPACKET}},
    {{fetch, net},
     "a raw socket",
     SYS_socket,
     {AF_INET, SOCK_DGRAM, IPPROTO_UDP},
     {AF_INET, SOCK_RAW, IPPROTO_UDP}},
    {{fetch, net},
     "a protocol that is a module",
     SYS_socket,
     {AF_INET6, SOCK_STREAM, IPPROTO_TCP},
     {AF_INET6, SOCK_STREAM, IPPROTO_SCTP}},
    {{fetch},
     "an echo socket",
     SYS_socket,
     {AF_INET, SOCK_DGRAM},
     {AF_INET, SOCK_DGRAM, IPPROTO_ICMP}},
    {{fetch, net},
     "a socket of this machine",
     SYS_socket,
     {AF_INET, SOCK_STREAM},
     {AF_UNIX, SOCK_STREAM}},
    {{fetch, net},
     "a device to send by",
     SYS_setsockopt,
     {none, SOL_SOCKET, SO_KEEPALIVE},
     {none, SOL_SOCKET, SO_BINDTODEVICE}},
    {{fetch, net},
     "an option of another level",
     SYS_setsockopt,
     {none, SOL_SOCKET, SO_KEEPALIVE},
     {none, IPPROTO_UDP, SO_KEEPALIVE}},
    {{fetch, net},
     "another way to control congestion",
     SYS_setsockopt,
     {none, IPPROTO_TCP, TCP_NODELAY},
     {none, IPPROTO_TCP, TCP_CONGESTION}},
    {{runtime, fetch, net, qcow},
     "options other than the socket's own",
     SYS_getsockopt,
     {none, SOL_SOCKET, SO_ERROR},
     {none, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE}},
    {{runtime, fetch}, "an input for a terminal", SYS_ioctl, {none, FIONREAD}, {none, TIOCSTI}},
    {{net}, "an input for a terminal", SYS_ioctl, {none, SIOCGIFINDEX}, {none, TIOCSTI}},
    {{uml}, "an input for a terminal", SYS_ioctl, {none, TCGETS}, {none, TIOCSTI}},
    // Processes.
    {{runtime, fetch, fs, qcow},
     "a process instead of a thread",
     SYS_clone,
     {CLONE_THREAD}, // without what it needs: EINVAL
     {SIGCHLD}},
    {{uml}, "a user namespace", SYS_clone, {CLONE_THREAD}, {CLONE_NEWUSER | SIGCHLD}},
    {{runtime, fetch, fs, net, uml, qcow},
     "being traced",
     SYS_prctl,
     {PR_SET_NAME, none},
     {PR_SET_DUMPABLE, 1}},
    {{qcow},
     "the limits of another process",
     SYS_prlimit64,
     {0, RLIMIT_NOFILE, 0, 0},
     {1, RLIMIT_NOFILE, 0, 0}},
    {{qcow},
     "another limit for itself",
     SYS_prlimit64,
     {0, RLIMIT_NOFILE, 0, 0},
     {0, RLIMIT_NOFILE, 1, 0}},
    {{uml}, "another layout", SYS_personality, {ADDR_NO_RANDOMIZE}, {READ_IMPLIES_EXEC}},
    {{uml},
     "the strict mode of seccomp",
     SYS_seccomp,
     {SECCOMP_SET_MODE_FILTER, 0},
     {SECCOMP_SET_MODE_STRICT, 0}},
    {{uml},
     "a CPU's mitigation switched off",
     SYS_seccomp,
     {SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC},
     {SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW}},
    {{uml}, "another process's limits", SYS_prlimit64, {0, 9}, {1, 9}},
    {{uml}, "to attach to a process", SYS_ptrace, {PTRACE_CONT, 1}, {PTRACE_ATTACH, 1}},
};

enum class Answer { let_through, refused, broken };

Answer ask(const jail::Program& program, long call, const Arguments& with, bool refused_value) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !jail::load(program))
            ::syscall(SYS_exit, 3);
        const long result = ::syscall(call, with[0], with[1], with[2], with[3], with[4], with[5]);
        // Without the filter the refused values below would succeed or fail with another error.
        const bool refusal =
            result == -1 && (errno == EPERM || errno == EACCES ||
                             (refused_value && (errno == EINVAL || errno == ENOTTY)));
        ::syscall(SYS_exit, refusal ? 1 : 0);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGSYS ? Answer::refused : Answer::broken;
    return WEXITSTATUS(status) == 0   ? Answer::let_through
           : WEXITSTATUS(status) == 1 ? Answer::refused
                                      : Answer::broken;
}

/// A question that asks this role about this argument: its values are what the answer depends on.
bool is_asked(Role role, long call, unsigned argument) {
    return std::ranges::any_of(questions, [&](const Question& question) {
        return question.call == call && std::ranges::count(question.roles, role) != 0 &&
               question.allowed.at(argument) != question.refused.at(argument);
    });
}

/// Arguments that filters look at and that no question is about.
int count_unasked() {
    int unasked = 0;
    for (const Role role : {runtime, uml, image, fetch, fs, net, qcow, tls, net_switch})
        for (const auto& [call, arguments] : jail::policy_of(role).judged_arguments())
            for (const unsigned argument : arguments)
                if (!is_asked(role, call, argument)) {
                    fmt::print("FAIL {}: no question about argument {} of system call {}\n",
                               to_string(role), argument, call);
                    ++unasked;
                }
    return unasked;
}

} // namespace

int main() {
    int failures = count_unasked();
    int asked = 0;
    for (const Question& question : questions)
        for (const Role role : question.roles) {
            const auto program = jail::seccomp_program(role);
            if (!program)
                return 2;
            ++asked;
            if (ask(*program, question.call, question.allowed, false) != Answer::let_through) {
                fmt::print("FAIL {}: {}: what the role needs is refused\n", to_string(role),
                           question.about);
                ++failures;
            }
            if (ask(*program, question.call, question.refused, true) != Answer::refused) {
                fmt::print("FAIL {}: {}: let through\n", to_string(role), question.about);
                ++failures;
            }
        }
    fmt::print("{} questions about arguments, {} wrong answers\n", asked, failures);
    return failures == 0 ? 0 : 1;
}
