// Confinement of the processes that touch hostile input.
//
// Every process that reads bytes chosen by a guest, an image or a network peer runs in a jail: its
// own user, mount, pid, ipc, uts and cgroup namespaces, an empty network namespace, a root that is
// an empty read-only tmpfs plus the few files its role needs, no capabilities, no new privileges, a
// Landlock ruleset, resource limits, and a seccomp allow-list. What each role may do is one
// function in roles.cpp and one table in SECURITY.md. There is no switch that turns any of it off:
// where a mandatory mechanism is missing, starting fails and says what to change.
//
// How a sandbox starts (the order matters):
//
//   CLI      jail::spawn({.role = Role::runtime, .argv = {"/runtime", ...},
//                         .binds = {program -> /runtime (executable), sandbox directory -> /sandbox
//                                   (writable), socket directory -> /run (writable),
//                                   kernel bundle -> /kernel (executable), initramfs file ->
//                                   /initramfs},
//                         .fds = {disk images and whatever else it is to hold}})
//            The program starts as pid 1 of its namespaces with the capabilities it needs to set
//            up a second jail, sees nothing but its binds, and has no /proc. Paths are short, so
//            any MSB_HOME fits a socket address. A dynamically linked program (sanitizer builds)
//            also gets the system's libraries, read-only; build it static to see nothing.
//   runtime  1. open files, bind the vhost-user sockets in a directory of its own and agent.sock.
//            2. engine::start(..., nested = true): the engine's jail is made inside this one.
//            3. jail::lock_down(Role::runtime, {.writable = {"/sandbox", "/run"}}), once, from the
//               main thread and before any other thread exists. From here on: no exec, no new
//               sockets, no files outside those directories, no way back.
//            4. create threads, run the event loop. Reap nothing but the engine: orphans of the
//               engine's tree belong to the init of the engine's own pid namespace.
//
// When pid 1 of a jail ends, for whatever reason, the kernel kills everything in it: killing the
// runtime takes the engine's tree with it and leaves no process, mount or namespace behind.
#pragma once

#include "base/process.hpp"
#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace msb::jail {

enum class Role {
    runtime, ///< Devices, relay, logs and life cycle of one sandbox: the files of this sandbox
             ///< only.
    uml,     ///< Runs guest code: the kernel bundle and a tmpfs for guest memory.
    kvm,     ///< Runs a guest by KVM, whose descriptor it is given: the kernel bundle.
    image,   ///< Parses image bytes: only the descriptors it is given.
    fetch,   ///< Speaks HTTP with registries: connects out, and has no file that matters.
    fs,      ///< Serves directories of the host to one sandbox: those, and nothing else.
    net,     ///< A guest's network: the host's, by ordinary sockets, and no file at all.
    qcow,    ///< qemu-storage-daemon: serves disk images of other formats, and sees these alone.
    disk,    ///< Parses snapshot archives and guests' disks: only the descriptors it is given.
    tls,     ///< Opens TLS connections whose sockets it is handed: no network, and no file at all.
    net_switch, ///< Tells the members of a private network of each other: no network, and no file at all.
    ssh,        ///< Speaks SSH with one client: its stream, and connections to one sandbox's agent.
};

/// "runtime", "uml", "kvm", "image", "fetch", "fs", "net", "qcow", "disk", "tls", "switch", "ssh".
const char* to_string(Role role);

/// One host file, directory or socket made visible. Always nosuid; nodev unless it is /dev/null.
struct Bind {
    std::string source; ///< As the caller sees it.
    std::string target; ///< Absolute, inside the jail; parents are created.
    bool writable = false;
    bool executable = false;
    bool submounts = false; ///< What is mounted below comes along.
    /// If not -1: the file that `source` must still lead to, otherwise the jail is not entered.
    /// Somebody who can write to a directory on the way may have replaced it.
    int same_as = -1;
};

struct Request {
    Role role = Role::runtime;
    std::vector<std::string> argv; ///< argv[0] is the program's path inside the jail.
    std::vector<Bind> binds;
    /// Small files that exist only in the jail: {path inside, content}.
    std::vector<std::pair<std::string, std::string>> files;
    /// Role::uml and kvm: bytes of guest memory, for the limits; of uml also the size of /dev/shm (0: none).
    std::uint64_t memory_bytes = 0;
    /// Child descriptor number <- our descriptor. 0, 1 and 2 default to /dev/null; the rest closed.
    /// Files that are open for reading are given to a runtime from a read-only mount, so that
    /// neither reopening nor any call on them changes them or their attributes.
    std::vector<std::pair<int, int>> fds;
    std::vector<std::string> environment; ///< "K=V". Nothing is inherited.
    /// The caller is itself pid 1 of a runtime jail that is not locked down yet: its user and
    /// (empty) network namespaces are shared, its engine id is used.
    bool nested = false;
    /// A control group's directory (control_group.hpp) to start in; -1 = where the caller is, as
    /// where the kernel refuses.
    int control_group = -1;
    /// Role::uml: all its processes share one CPU, at first the one the kernel puts them on.
    bool one_cpu = false;
    bool new_session = false;    ///< setsid(2): survives our terminal.
    bool die_with_parent = true; ///< SIGKILL when the thread that called spawn() ends.
};

struct Process : Child {
    /// Of roles with an init: closing it ends the jail and everything in it. A runtime that is locked
    /// down has no right to send the engine a signal.
    OwnedFd lifeline;
};

/// Starts a program confined. Returns once the program has been executed; a failing step in the
/// child is returned here with its call, object and a hint. The child is pid 1 of its namespace;
/// for Role::uml, kvm and qcow that pid 1 is a tiny init above argv[0] whose exit code is the program's, or 128 +
/// signal number.
Result<Process> spawn(const Request& request);

/// The threads of a process of Role::kvm.
enum class KvmThread {
    main, ///< Carries interrupts and changes from the devices to the guest.
    cpu,  ///< Runs the guest's code, and answers what it leaves it for.
};
/// Gives up, for ever and for the calling thread alone, what it needed to make the machine: what remains is
/// waiting, and KVM_RUN for a CPU. Anything else kills the process.
Status narrow(KvmThread thread);

struct LockDown {
    std::vector<std::string> writable; ///< Directories that stay usable, with everything below.
    std::vector<std::string> readable; ///< Files or directories that stay readable.
    std::uint64_t file_bytes =
        0; ///< Largest file that it writes; 0 = as for every process of the role.
};

/// Gives up everything the role does not need, for ever: capabilities, new privileges, files
/// outside the lists (Landlock), system calls outside the role's allow-list (the process dies with
/// SIGSYS), core dumps and being traced. Only for a process with one thread.
Status lock_down(Role role, const LockDown& keep);

/// The processes below this one, which is pid 1 of a runtime jail: the engine's.
struct Below {
    static constexpr std::size_t max_pids = 4096;
    std::chrono::nanoseconds cpu_time{}; ///< of all of them so far, in steps of 10 ms
    /// None runs or waits for a CPU or a disk of the host, and none is stopped or in a debugger.
    bool asleep = false;
    int cpu = -1; ///< where one of them ran last
    std::vector<std::string> pids;
};
/// Nothing where the host's /proc did not allow a view of it, or when there are more than max_pids:
/// how many is the guest's choice. May be called after lock_down().
std::optional<Below> look_below();
/// The host's /proc/stat, the lines of its CPUs at least. May be called after lock_down().
std::optional<std::string> read_cpu_times();
/// Has the init of an engine that was started with Request::one_cpu move all of the engine to
/// another CPU. Processes that the engine starts meanwhile may stay behind: a second call moves
/// those, too.
Status place(int lifeline, int cpu, const Below& below);

/// Where a worker works.
struct Workplace {
    Role role = Role::image; ///< image, disk, ssh, or fetch: that one keeps the host's network.
    /// Small files that exist only in the jail: {path inside, content}.
    std::vector<std::pair<std::string, std::string>> files;
};

/// Runs `work` in a forked child: it sees the memory of this process as it is now, the descriptors
/// in `fds` under their own numbers, and can open, connect to or execute nothing but what
/// `workplace` has. The child is killed after `deadline` (timed_out). An Error returned by `work`
/// comes back with its kind, text and hint; results go through descriptors or files the child was
/// given.
Status run_worker(const std::vector<int>& fds, const std::function<Status()>& work,
                  std::chrono::milliseconds deadline, const Workplace& workplace = {});

/// What this host offers, for `msb doctor`.
struct Support {
    bool user_namespaces = false; ///< Mandatory.
    bool seccomp = false;         ///< Mandatory.
    int landlock_abi = 0;         ///< 0: absent; files stay confined by the empty root.
    bool private_ids = false;     ///< The engine can have a user id that nothing else has.
    bool cgroup = false;          ///< The memory of a sandbox is limited by a control group,
    bool cgroup_all = false;      ///< and processes and CPU (cgroup v2).
    std::string user_namespaces_detail;
    std::string user_namespaces_hint; ///< Empty: no setting is known to be the reason.
    std::string cgroup_detail;
};
Support examine();

} // namespace msb::jail
