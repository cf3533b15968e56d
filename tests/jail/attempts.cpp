#include "attempts.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace attempts {

namespace {

bool opens(const char* path, int flags = O_RDONLY) {
    return ::open(path, flags | O_CLOEXEC, 0600) >= 0;
}

// ---- files --------------------------------------------------------------------------------------

bool open_passwd() {
    return opens("/etc/passwd");
}
bool open_bait() {
    return opens(bait::file);
}
bool open_above_root() {
    return opens("/../../../../../../etc/passwd") || opens("../../../../../etc/passwd");
}
bool open_through_proc() {
    return opens("/proc/self/root/etc/passwd") || opens("/proc/1/root/etc/passwd") ||
           opens("/proc/self/exe") || opens("/proc/self/maps");
}
bool open_devices() {
    return opens("/dev/kvm", O_RDWR) || opens("/dev/mem") || opens("/dev/vda") ||
           opens("/dev/sda") || opens("/dev/tty", O_RDWR) || opens("/dev/ptmx", O_RDWR) ||
           opens("/dev/fuse", O_RDWR) || opens("/dev/net/tun", O_RDWR);
}
bool open_sysfs() {
    return opens("/sys/kernel/mm/transparent_hugepage/enabled") || opens("/sys/class/net");
}
bool write_root() {
    return opens("/planted", O_WRONLY | O_CREAT);
}
bool write_kernel_bundle() {
    return opens("/kernel/planted", O_WRONLY | O_CREAT);
}
bool make_device_node() {
    // Where a directory is writable at all.
    for (const char* path : {"/node", "/run/node", "/sandbox/node", "/dev/shm/node"})
        if (::syscall(SYS_mknod, path, S_IFCHR | 0666, makedev(1, 1)) == 0 && opens(path))
            return true;
    return false;
}
bool make_setuid_file() {
    for (const char* path : {"/run/suid", "/sandbox/suid", "/dev/shm/suid"}) {
        const int fd = ::open(path, O_WRONLY | O_CREAT, 0755);
        struct stat info{};
        if (fd >= 0 && ::syscall(SYS_fchown, fd, 0, 0) == 0 && ::fchmod(fd, 04755) == 0 &&
            ::fstat(fd, &info) == 0 && info.st_uid == 0 && (info.st_mode & S_ISUID) != 0)
            return true; // owned by root and setuid: would matter if it were ever executed outside
    }
    return false;
}
bool make_set_id_file() {
    for (const char* path : {"/m/0/set-id", "/run/set-id", "/sandbox/set-id", "/dev/shm/set-id",
                             "/tmp/msb-jail-test.set-id"}) {
        const int fd = ::open(path, O_RDWR | O_CREAT, 06755);
        struct stat info{};
        const bool made = fd >= 0 && ::fstat(fd, &info) == 0 && (info.st_mode & 06000) != 0;
        ::unlinkat(AT_FDCWD, path, 0);
        if (made)
            return true;
    }
    return false;
}
/// On the files that a role may change: what an earlier attempt has left, and directories.
bool change_to_set_id() {
    for (const char* path : {"/m/0", "/run", "/sandbox", "/dev/shm"})
        if (::fchmodat(AT_FDCWD, path, 02755, 0) == 0)
            return true;
    return false;
}
/// The file that a role was given for reading, number bait::read_only: others read it as well.
bool change_read_only_file() {
    const int fd = bait::read_only;
    struct stat before{};
    if (::fstat(fd, &before) != 0)
        return false;
    // The runtime sees its own descriptors; where Landlock is, it also forbids this.
    char link[32];
    std::snprintf(link, sizeof(link), "1/fd/%d", fd);
    const int again = ::openat(bait::process_view, link, O_RDWR);
    return again >= 0 && ::pwrite(again, "x", 1, 0) == 1;
}
bool change_read_only_mode() {
    return ::fchmod(bait::read_only, 0666) == 0;
}
bool change_read_only_times() {
    const timespec times[2] = {};
    return ::futimens(bait::read_only, times) == 0;
}
bool lock_read_only_file() {
    return ::flock(bait::read_only, LOCK_EX | LOCK_NB) == 0;
}
/// Ignores all signals that can be ignored, for longer than the test waits.
bool stay() {
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, nullptr);
    const timespec once{0, 10'000'000};
    for (int i = 0; i < 2000; ++i)
        ::nanosleep(&once, nullptr);
    return true;
}
bool make_huge_file() {
    constexpr off_t huge = off_t{2} << 40;
    for (const char* path : {"/m/0/huge", "/run/huge", "/sandbox/huge", "/dev/shm/huge"}) {
        const int fd = ::open(path, O_RDWR | O_CREAT, 0600);
        const bool made =
            fd >= 0 && (::ftruncate(fd, huge) == 0 || ::pwrite(fd, "x", 1, huge) == 1);
        ::unlinkat(AT_FDCWD, path, 0);
        if (made)
            return true;
    }
    return false;
}
bool change_root() {
    return ::chroot("/") == 0;
}
bool open_by_handle() {
    struct {
        file_handle header;
        char room[128];
    } handle{};
    handle.header.handle_bytes = sizeof(handle.room);
    int mount = 0;
    if (::syscall(SYS_name_to_handle_at, AT_FDCWD, "/", &handle, &mount, 0) != 0)
        return false;
    return ::syscall(SYS_open_by_handle_at, AT_FDCWD, &handle, O_RDONLY) >= 0;
}

// ---- mounts and namespaces ----------------------------------------------------------------------

bool mount_tmpfs() {
    return ::mount("none", "/", "tmpfs", 0, nullptr) == 0 ||
           ::mount("none", "/dev/shm", "tmpfs", 0, nullptr) == 0;
}
bool mount_proc() {
    return ::mount("proc", "/dev", "proc", 0, nullptr) == 0;
}
bool new_mount_api() {
    return ::fsopen("tmpfs", 0) >= 0 || ::syscall(SYS_open_tree, AT_FDCWD, "/", 1) >= 0;
}
bool remount_writable() {
    return ::mount("none", "/", nullptr, MS_REMOUNT | MS_BIND, nullptr) == 0;
}
bool unmount() {
    return ::umount2("/dev/shm", MNT_DETACH) == 0 || ::umount2("/kernel", MNT_DETACH) == 0 ||
           ::umount2("/run", MNT_DETACH) == 0;
}
bool new_user_namespace() {
    return ::unshare(CLONE_NEWUSER) == 0;
}
bool clone_user_namespace() {
    const long pid = ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        ::_exit(0);
    return pid > 0;
}
bool clone3_user_namespace() {
    std::uint64_t arguments[8] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD};
    const long pid = ::syscall(SYS_clone3, arguments, sizeof(arguments));
    if (pid == 0)
        ::_exit(0);
    return pid > 0;
}
bool new_network_namespace() {
    return ::unshare(CLONE_NEWNET) == 0;
}
bool enter_namespace() {
    const int fd = static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0));
    return fd >= 0 && ::setns(fd, CLONE_NEWUTS) == 0;
}

// ---- network ------------------------------------------------------------------------------------

bool connects(int family, int type, const void* address, socklen_t size) {
    const int fd = ::socket(family, type, 0);
    return fd >= 0 && ::connect(fd, static_cast<const sockaddr*>(address), size) == 0;
}
sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}
bool connect_tcp() {
    const sockaddr_in address = loopback(bait::tcp_port);
    return connects(AF_INET, SOCK_STREAM, &address, sizeof(address));
}
bool send_udp() {
    const sockaddr_in address = loopback(bait::udp_port);
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    return fd >= 0 && ::sendto(fd, "x", 1, 0, reinterpret_cast<const sockaddr*>(&address),
                               sizeof(address)) == 1;
}
/// Takes a port of the host, which is also how to learn what addresses it has.
bool bind_udp() {
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    return fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}
bool listen_tcp() {
    const sockaddr_in address = loopback(0);
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    return fd >= 0 &&
           ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
           ::listen(fd, 1) == 0;
}
bool connect_abstract() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path + 1, bait::abstract_name);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 +
                                             std::strlen(bait::abstract_name));
    return connects(AF_UNIX, SOCK_STREAM, &address, size);
}
bool ipv6_socket() {
    return ::socket(AF_INET6, SOCK_STREAM, 0) >= 0;
}
bool raw_socket() {
    return ::socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0 ||
           ::socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6) >= 0;
}
bool other_families() {
    for (const int family : {AF_PACKET, AF_VSOCK, AF_ALG, AF_NETLINK, AF_BLUETOOTH})
        for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET})
            if (::socket(family, type, 0) >= 0)
                return true;
    return false;
}

bool send_datagram_to_host() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path + 1, bait::datagram_name);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 +
                                             std::strlen(bait::datagram_name));
    int pair[2];
    return ::socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0 &&
           ::sendto(pair[0], "x", 1, 0, reinterpret_cast<const sockaddr*>(&address), size) == 1;
}
/// The host would load a module for it.
bool rare_protocols() {
    for (const int protocol : {int{IPPROTO_SCTP}, int{IPPROTO_UDPLITE}, 262 /* MPTCP */})
        for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET})
            if (::socket(AF_INET, type, protocol) >= 0)
                return true;
    return false;
}

/// A server: where clients of a jailed process come from, they were accepted before it was locked.
bool listen_unix() {
    int pair[2];
    const int fd =
        ::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 ? ::socket(AF_UNIX, SOCK_STREAM, 0) : -1;
    const sockaddr_un address{AF_UNIX, ""}; // the kernel chooses an abstract name
    return fd >= 0 &&
           ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(sa_family_t)) == 0 &&
           ::listen(fd, 1) == 0;
}

// ---- other processes ----------------------------------------------------------------------------

bool signal_parent() {
    return ::getppid() > 1 && ::kill(::getppid(), 0) == 0;
}
/// Anything but this process, its init and its children.
/// The first processes of a machine or a namespace, and those that began about when this one did.
bool signal_everyone() {
    const auto any = [](pid_t first, pid_t end) {
        for (pid_t pid = first; pid < end; ++pid)
            if (pid != ::getpid() && ::kill(pid, 0) == 0)
                return true;
        return false;
    };
    return any(3, 70'000) || any(std::max(3, ::getpid() - 10'000), ::getpid() + 10'000);
}
bool trace_init() {
    return ::ptrace(PTRACE_ATTACH, 1, nullptr, nullptr) == 0 ||
           ::ptrace(PTRACE_SEIZE, ::getppid(), nullptr, nullptr) == 0;
}
bool read_other_memory() {
    char here = 0;
    iovec local{&here, 1}, remote{&here, 1};
    return ::syscall(SYS_process_vm_readv, ::getppid(), &local, 1, &remote, 1, 0) == 1 ||
           ::syscall(SYS_process_vm_writev, ::getppid(), &local, 1, &remote, 1, 0) == 1;
}
bool steal_descriptor() {
    const int fd = static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0));
    return fd >= 0 && ::syscall(SYS_pidfd_getfd, fd, 1, 0) >= 0;
}
bool execute_shell() {
    ::execl("/bin/sh", "sh", "-c", "exit 11", nullptr);
    return false;
}
bool execute_memory() {
    const int fd = ::memfd_create("x", 0);
    static const char script[] = "#!/bin/sh\nexit 11\n";
    if (fd < 0 || ::write(fd, script, sizeof(script) - 1) < 0)
        return false;
    const char* const arguments[] = {"x", nullptr};
    ::syscall(SYS_execveat, fd, "", arguments, nullptr, AT_EMPTY_PATH);
    return false;
}
bool map_executable() {
    return ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                  -1, 0) != MAP_FAILED;
}
bool make_executable() {
    void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page != MAP_FAILED && ::mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0;
}
bool fork_process() {
    const long pid = ::syscall(SYS_fork);
    if (pid == 0)
        ::_exit(0);
    return pid > 0;
}

// ---- kernel interfaces --------------------------------------------------------------------------

bool use_io_uring() {
    char parameters[256] = {};
    return ::syscall(SYS_io_uring_setup, 4, parameters) >= 0;
}
bool use_bpf() {
    bpf_attr attributes{};
    attributes.map_type = BPF_MAP_TYPE_ARRAY;
    attributes.key_size = attributes.value_size = 4;
    attributes.max_entries = 1;
    return ::syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof(attributes)) >= 0;
}
bool use_userfaultfd() {
    return ::syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY) >= 0;
}
bool use_keys() {
    return ::syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1) >= 0 ||
           ::syscall(SYS_add_key, "user", "x", "y", 1, KEY_SPEC_PROCESS_KEYRING) >= 0;
}
bool use_perf() {
    perf_event_attr attributes{};
    attributes.size = sizeof(attributes);
    attributes.type = PERF_TYPE_SOFTWARE;
    return ::syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0) >= 0;
}
bool load_module() {
    return ::syscall(SYS_init_module, "", 0, "") == 0 ||
           (::syscall(SYS_init_module, "", 0, ""), errno == ENOEXEC);
}
bool reach_kexec_and_reboot() {
    return ::syscall(SYS_kexec_load, 0, 0, nullptr, 0) == 0 ||
           ::syscall(SYS_reboot, 0xfee1dead, 672274793, 0 /* CAD off */, nullptr) == 0;
}
bool change_host() {
    return ::sethostname("x", 1) == 0 || ::syscall(SYS_swapon, "/x", 0) == 0 ||
           ::syscall(SYS_acct, nullptr) == 0 || ::syscall(SYS_syslog, 2, nullptr, 0) == 0;
}
bool set_clock() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return ::clock_settime(CLOCK_REALTIME, &now) == 0;
}
bool use_io_ports() {
    return ::syscall(SYS_ioperm, 0x80, 1, 1) == 0 || ::syscall(SYS_iopl, 3) == 0;
}
bool inject_terminal_input() {
    const char character = 'x';
    for (int fd = 0; fd < 3; ++fd)
        if (::ioctl(fd, TIOCSTI, &character) == 0)
            return true;
    return false;
}
bool use_32_bit_entry() {
    // getpid (20) through int 0x80: a different table of call numbers.
    long result = 20;
    asm volatile("int $0x80" : "+a"(result)::"memory");
    return result > 0;
}
bool use_x32_entry() {
    return ::syscall(SYS_getppid | 0x4000'0000) >= 0;
}
bool share_memory_sysv() {
    return ::syscall(SYS_shmget, 1, 4096, 01600) >= 0 || ::syscall(SYS_msgget, 1, 01600) >= 0;
}
bool set_priorities() {
    sched_param parameters{};
    parameters.sched_priority = 1;
    return ::sched_setscheduler(0, SCHED_FIFO, &parameters) == 0 ||
           ::setpriority(PRIO_PROCESS, 0, -5) == 0;
}

// ---- identity -----------------------------------------------------------------------------------

bool become_root() {
    return (::getuid() != 0 && ::syscall(SYS_setuid, 0) == 0) ||
           ::syscall(SYS_setresuid, 12345, 12345, 12345) == 0;
}
bool regain_capabilities() {
    struct {
        std::uint32_t version;
        int pid;
    } header{0x20080522, 0};
    std::uint32_t data[6] = {1U << 21, 1U << 21, 0, 0, 0, 0}; // CAP_SYS_ADMIN
    return ::syscall(SYS_capset, &header, data) == 0;
}
bool has_capabilities() {
    struct {
        std::uint32_t version;
        int pid;
    } header{0x20080522, 0};
    std::uint32_t data[6] = {};
    return ::syscall(SYS_capget, &header, data) == 0 &&
           (data[0] | data[1] | data[2] | data[3] | data[4] | data[5]) != 0;
}
bool raise_limits() {
    rlimit limit{};
    limit.rlim_cur = limit.rlim_max = RLIM_INFINITY;
    return ::setrlimit(RLIMIT_CORE, &limit) == 0;
}
bool become_dumpable() {
    return ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0;
}
/// Anything open that is a directory or a device other than /dev/null. (The runtime's view of its
/// own processes is a directory; it is in /proc.)
bool find_leaked_descriptor() {
    for (int fd = 0; fd < 1024; ++fd) {
        struct stat info{};
        if (::fstat(fd, &info) != 0)
            continue;
        struct statfs system{};
        if (::fstatfs(fd, &system) == 0 && system.f_type == PROC_SUPER_MAGIC)
            continue;
        if (S_ISDIR(info.st_mode) || S_ISBLK(info.st_mode) ||
            (S_ISCHR(info.st_mode) && info.st_rdev != makedev(1, 3)))
            return true;
    }
    return false;
}

constexpr Attempt table[] = {
    {"open-passwd", open_passwd, true},
    {"open-bait", open_bait, true},
    {"open-above-root", open_above_root, true},
    {"open-through-proc", open_through_proc, true},
    {"open-devices", open_devices, false},
    {"open-sysfs", open_sysfs, true},
    {"write-root", write_root, false},
    {"write-kernel-bundle", write_kernel_bundle, false},
    {"make-device-node", make_device_node, false},
    {"make-setuid-file", make_setuid_file, false},
    {"make-set-id-file", make_set_id_file, true},
    {"change-to-set-id", change_to_set_id, false},
    {"change-read-only-file", change_read_only_file, false},
    {"change-read-only-mode", change_read_only_mode, false},
    {"change-read-only-times", change_read_only_times, false},
    {"lock-read-only-file", lock_read_only_file, false},
    {"make-huge-file", make_huge_file, false},
    {"change-root", change_root, false},
    {"open-by-handle", open_by_handle, false},
    {"mount-tmpfs", mount_tmpfs, false},
    {"mount-proc", mount_proc, false},
    {"new-mount-api", new_mount_api, false},
    {"remount-writable", remount_writable, false},
    {"unmount", unmount, false},
    {"new-user-namespace", new_user_namespace, true},
    {"clone-user-namespace", clone_user_namespace, true},
    {"clone3-user-namespace", clone3_user_namespace, true},
    {"new-network-namespace", new_network_namespace, false},
    {"enter-namespace", enter_namespace, false},
    {"connect-tcp", connect_tcp, true, fetch | net},
    {"send-udp", send_udp, true, fetch | net},
    {"bind-udp", bind_udp, true, fetch},
    {"listen-tcp", listen_tcp, true},
    {"connect-abstract", connect_abstract, true},
    {"send-datagram-to-host", send_datagram_to_host, true},
    {"rare-protocols", rare_protocols, false},
    {"ipv6-socket", ipv6_socket, false, fetch | net},
    {"raw-socket", raw_socket, false},
    {"listen-unix", listen_unix, true},
    {"other-socket-families", other_families, true},
    {"signal-parent", signal_parent, true},
    {"signal-everyone", signal_everyone, true},
    {"trace-others", trace_init, false},
    {"read-other-memory", read_other_memory, false},
    {"steal-descriptor", steal_descriptor, false},
    {"execute-shell", execute_shell, true},
    {"execute-memory", execute_memory, true},
    {"map-executable", map_executable, true, uml},
    {"make-executable", make_executable, true, uml},
    {"fork", fork_process, true, uml},
    {"io-uring", use_io_uring, false},
    {"bpf", use_bpf, false},
    {"userfaultfd", use_userfaultfd, false},
    {"keys", use_keys, false},
    {"perf", use_perf, false},
    {"load-module", load_module, false},
    {"kexec-reboot", reach_kexec_and_reboot, false},
    {"change-host", change_host, false},
    {"set-clock", set_clock, false},
    {"io-ports", use_io_ports, false},
    {"inject-terminal-input", inject_terminal_input, false},
    {"32-bit-entry", use_32_bit_entry, false},
    {"x32-entry", use_x32_entry, false},
    {"sysv-ipc", share_memory_sysv, true},
    {"set-priorities", set_priorities, false},
    {"become-another-user", become_root, false},
    {"regain-capabilities", regain_capabilities, false},
    {"has-capabilities", has_capabilities, false},
    {"raise-limits", raise_limits, false},
    {"become-dumpable", become_dumpable, true, uml},
    {"find-leaked-descriptor", find_leaked_descriptor, false},
};

} // namespace

std::span<const Attempt> all() {
    static const std::vector<Attempt> everything = [] {
        std::vector<Attempt> both(std::begin(table), std::end(table));
        both.insert(both.end(), takings().begin(), takings().end());
        return both;
    }();
    return everything;
}

const Attempt* find(const char* name) {
    static constexpr Attempt staying = {"stay", stay, false};
    if (std::strcmp(name, staying.name) == 0)
        return &staying;
    for (const Attempt& attempt : all())
        if (std::strcmp(attempt.name, name) == 0)
            return &attempt;
    return nullptr;
}

} // namespace attempts
