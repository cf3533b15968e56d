// The child is made by clone3(2) with all its namespaces at once; then parent and child work in
// turn over a pair of packet sockets:
//
//   parent                                   child (steps only, see steps.hpp)
//   writes the id maps, sends one byte  ->   enters the new root, arranges descriptors, limits,
//                                            identity, Landlock, seccomp, and executes the program
//   reads                               <-   sends a Report if a step fails; a successful execve
//                                            closes its end, or leaves it to init (init.cpp)
#include "base/file.hpp"
#include "base/system.hpp"
#include "jail/capabilities.hpp"
#include "jail/control_group.hpp"
#include "jail/identity.hpp"
#include "jail/jail.hpp"
#include "jail/mount.hpp"
#include "jail/network.hpp"
#include "jail/obstacle.hpp"
#include "jail/parent.hpp"
#include "jail/process_view.hpp"
#include "jail/roles.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <optional>
#include <sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// The program made from init.cpp.
extern "C" const char msb_jail_init_begin[];
extern "C" const char msb_jail_init_end[];
asm(".pushsection .rodata\n"
    ".globl msb_jail_init_begin, msb_jail_init_end\n"
    "msb_jail_init_begin: .incbin \"" MSB_JAIL_INIT "\"\n"
    "msb_jail_init_end:\n"
    ".popsection\n");

namespace msb::jail {

namespace {

/// The layers of the largest image (512), and some.
constexpr std::size_t max_fds = 544;
constexpr int first_safe_fd = process_view_fd + 1; ///< Above every number that a child is given.
/// Where the child keeps its end of the socket pair; init is told this number.
constexpr int report_number = cpu_times_fd - 1;

/// What a child that failed sends.
struct Report {
    int error;
    char call[48];
    char object[160];
};

enum class Go : char { private_id = 'p', own_id = 'o' };

struct Plan {
    const Request* request;
    MountPlan mounts;
    std::vector<FileRule> file_rules;
    std::optional<Program> seccomp;
    Limits limits;
    std::vector<std::string> read_only; ///< of each of the request's descriptors: its path, or ""
    std::vector<char*> argv;
    std::vector<char*> environment;
    int null_fd;
    int report_fd;
    int legacy_group; ///< see open_legacy_group(); -1 = none
};

/// The usual soft limit is low because of select(2); apply() later sets the role's own.
Step raise_descriptor_limit() {
    rlimit limit{};
    MSB_STEP(check(::getrlimit(RLIMIT_NOFILE, &limit), "getrlimit", "RLIMIT_NOFILE"));
    limit.rlim_cur = limit.rlim_max;
    return check(::setrlimit(RLIMIT_NOFILE, &limit), "setrlimit", "RLIMIT_NOFILE");
}

/// What a runtime sees of the host; -1 = nothing.
struct Views {
    int processes = -1;
    int cpu_times = -1;
};

/// Moves a descriptor, if there is one, above every number that a child is given.
Step move_up(int& fd) {
    if (fd < 0)
        return {};
    fd = ::fcntl(fd, F_DUPFD_CLOEXEC, first_safe_fd);
    return check(fd, "fcntl(F_DUPFD)");
}

/// What the child is given: the request's descriptors, in its order.
using Sources = std::array<int, max_fds>;

/// Needs the host's root and /proc.
Step open_sources(const Plan& plan, Sources& sources) {
    MSB_STEP(raise_descriptor_limit());
    for (std::size_t i = 0; i < plan.request->fds.size(); ++i) {
        sources[i] = plan.request->fds[i].second;
        if (!plan.read_only[i].empty())
            MSB_STEP(reopen_read_only(plan.read_only[i].c_str(), sources[i]));
    }
    return {};
}

/// `views` get their fixed numbers.
Step arrange_descriptors(const Plan& plan, Sources& sources, Views views) {
    const auto& fds = plan.request->fds;
    // Sources move above every target first, so that no target overwrites a later source.
    for (std::size_t i = 0; i < fds.size(); ++i)
        MSB_STEP(move_up(sources[i]));
    int report = plan.report_fd;
    int null = plan.null_fd;
    for (int* fd : {&report, &null, &views.processes, &views.cpu_times})
        MSB_STEP(move_up(*fd));
    MSB_STEP(check(::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC), "close_range"));
    for (int fd = 0; fd < 3; ++fd)
        MSB_STEP(check(::dup2(null, fd), "dup2"));
    for (std::size_t i = 0; i < fds.size(); ++i)
        MSB_STEP(check(::dup2(sources[i], fds[i].first), "dup2"));
    if (views.processes >= 0)
        MSB_STEP(check(::dup2(views.processes, process_view_fd), "dup2"));
    if (views.cpu_times >= 0)
        MSB_STEP(check(::dup2(views.cpu_times, cpu_times_fd), "dup2"));
    return check(::dup3(report, report_number, O_CLOEXEC), "dup3");
}

Step give_up_identity(const Plan& plan, Go go) {
    if (plan.request->role == Role::runtime) {
        MSB_STEP(bound_capabilities(setup_capabilities()));
        return set_capabilities(setup_capabilities());
    }
    MSB_STEP(bound_capabilities(0));
    // The user's files are served with the user's own rights to them.
    const Role role = plan.request->role;
    if (go == Go::private_id && role != Role::fs && role != Role::qcow)
        MSB_STEP(become_engine_id());
    return set_capabilities(0);
}

/// Stays on the CPU where the kernel has just put us; the kernel knows best which is free.
Step stay_on_cpu() {
    const int cpu = ::sched_getcpu();
    if (cpu < 0 || cpu >= CPU_SETSIZE)
        return {}; // beyond 1024 CPUs the machine roams
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    (void)::sched_setaffinity(0, sizeof(cpus), &cpus); // a matter of speed only
    return {};
}

Step confine(const Plan& plan) {
    char byte = 0;
    if (::read(plan.report_fd, &byte, 1) != 1)
        return std::unexpected(Trouble{"parent", "ended", ESRCH});
    const auto go = static_cast<Go>(byte);
    if (plan.request->nested)
        MSB_STEP(require_empty_network());
    if (plan.request->new_session)
        MSB_STEP(check(::setsid(), "setsid"));
    Views views;
    if (plan.request->role == Role::runtime)
        views = {open_process_view(), open_cpu_times()};
    if (plan.request->role == Role::fs) {
        views.processes = open_process_view();
        MSB_STEP(check(views.processes, "mount", "proc"));
    }
    if (plan.request->one_cpu)
        MSB_STEP(stay_on_cpu());
    Sources sources{};
    MSB_STEP(open_sources(plan, sources));
    MSB_STEP(enter_root(plan.mounts));
    MSB_STEP(arrange_descriptors(plan, sources, views));
    MSB_STEP(check(::sethostname("microvm", 7), "sethostname"));
    MSB_STEP(apply(plan.limits));
    MSB_STEP(check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)"));
    if (plan.request->role != Role::runtime)
        MSB_STEP(restrict_files(plan.file_rules, tcp_of(plan.request->role)));
    MSB_STEP(give_up_identity(plan, go));
    if (plan.request->die_with_parent)
        MSB_STEP(die_with_parent(report_number));
    if (plan.request->role == Role::uml)
        // User Mode Linux wants a fixed layout and would execute itself once more to get it.
        MSB_STEP(check(::personality(ADDR_NO_RANDOMIZE), "personality"));
    if (has_init(plan.request->role))
        MSB_STEP(check(::fcntl(report_number, F_SETFD, 0), "fcntl(F_SETFD)"));
    if (plan.seccomp)
        MSB_STEP(load(*plan.seccomp));
    return check(::execve(plan.argv[0], plan.argv.data(), plan.environment.data()), "execve",
                 plan.argv[0]);
}

[[noreturn]] void run_child(const Plan& plan) {
    reset_signals();
    if (plan.legacy_group >= 0)
        (void)!::write(plan.legacy_group, "0", 1); // the kernel may refuse, as in spawn()
    const Step step = confine(plan);
    Report report{};
    report.error = step.error().error;
    std::strncpy(report.call, step.error().call, sizeof(report.call) - 1);
    std::strncpy(report.object, step.error().object, sizeof(report.object) - 1);
    // The number holds the socket from arrange_descriptors() on; before, this fails harmlessly.
    if (::write(report_number, &report, sizeof(report)) != sizeof(report))
        (void)!::write(plan.report_fd, &report, sizeof(report));
    ::_exit(127);
}

/// Paths of the descriptors that a runtime only reads; other sandboxes read these files, too.
Result<std::vector<std::string>> read_only_paths(const Request& request) {
    std::vector<std::string> paths(request.fds.size());
    if (request.role != Role::runtime)
        return paths;
    for (std::size_t i = 0; i < paths.size(); ++i) {
        const int fd = request.fds[i].second;
        const auto info = MSB_TRY(sys::fstat(fd));
        if (S_ISREG(info.st_mode) && (::fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
            paths[i] = MSB_TRY(sys::path_of(fd));
    }
    return paths;
}

/// Whether an ELF program asks for a dynamic loader.
Result<bool> needs_loader(const std::string& path) {
    const OwnedFd fd = MSB_TRY(sys::open(path, O_RDONLY));
    Elf64_Ehdr header{};
    MSB_TRY_WRAP(
        sys::pread_all(fd.get(), {reinterpret_cast<std::uint8_t*>(&header), sizeof(header)}, 0),
        path);
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_phentsize != sizeof(Elf64_Phdr))
        return fail(ErrorKind::corrupt, path + ": not a 64-bit program");
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        Elf64_Phdr segment{};
        MSB_TRY_WRAP(sys::pread_all(fd.get(),
                                    {reinterpret_cast<std::uint8_t*>(&segment), sizeof(segment)},
                                    header.e_phoff + i * sizeof(segment)),
                     path);
        if (segment.p_type == PT_INTERP)
            return true;
    }
    return false;
}

/// A dynamically linked program (sanitizer builds) also sees the directories libraries are in.
Status add_libraries(const Request& request, MountPlan& mounts) {
    const auto program = std::ranges::find(request.binds, request.argv[0], &Bind::target);
    if (program == request.binds.end() || !MSB_TRY(needs_loader(program->source)))
        return {};
    for (const char* directory : {"/lib", "/lib64", "/usr/lib", "/usr/local/lib"})
        if (exists(directory))
            mounts.binds.push_back({.source = directory, .target = directory, .executable = true});
    return {};
}

/// The CPU's features and cache line size: all of /proc that User Mode Linux wants. The runtime's
/// jail has the file only to pass it on.
Result<std::string> cpu_description() {
    const OwnedFd fd = MSB_TRY(sys::open("/proc/cpuinfo", O_RDONLY));
    std::array<std::uint8_t, 8192> buffer{}; // the first CPU; reading all is slow on large hosts
    const std::size_t size = MSB_TRY(sys::read(fd.get(), buffer));
    const std::string_view text = as_text({buffer.data(), size});
    std::string description;
    for (const std::string_view key : {"flags\t", "cache_alignment\t"}) {
        const auto start = text.find(key);
        if (start != std::string_view::npos)
            description.append(text.substr(start, text.find('\n', start) - start)) += '\n';
    }
    return description;
}

void add_file_rules(Plan& plan) {
    using Access = FileRule::Access;
    for (const Bind& bind : plan.mounts.binds)
        plan.file_rules.push_back({bind.target, bind.executable ? Access::execute
                                                : bind.writable ? Access::everything
                                                                : Access::read});
    for (const MountPlan::File& file : plan.mounts.files)
        plan.file_rules.push_back(
            {file.path, (file.mode & 0111) != 0 ? Access::execute : Access::read});
    if (!plan.mounts.shm_bytes.empty()) // the kernel writes and executes the start of its processes
        plan.file_rules.push_back({"/dev/shm", Access::everything_and_execute});
}

/// `arguments` receives what plan.argv points into.
Status prepare(const Request& request, Plan& plan, std::vector<std::string>& arguments) {
    if (request.argv.empty() || request.fds.size() > max_fds)
        return fail(ErrorKind::invalid_argument,
                    fmt::format("jail: no program, or more than {} descriptors", max_fds));
    if (std::ranges::any_of(request.fds,
                            [](auto& fd) { return fd.first < 0 || fd.first >= report_number; }))
        return fail(ErrorKind::invalid_argument, "jail: bad descriptor number");
    plan.request = &request;
    plan.limits = limits_of(request.role, request.memory_bytes);
    plan.read_only = MSB_TRY(read_only_paths(request));
    plan.mounts.binds = request.binds;
    for (const auto& [path, content] : request.files)
        plan.mounts.files.push_back({path, content, 0444});
    if (request.role != Role::fs)
        plan.mounts.files.push_back({"/proc/cpuinfo", MSB_TRY(cpu_description()), 0444});
    arguments = request.argv;
    if (has_init(request.role)) {
        plan.mounts.files.push_back(
            {"/init", std::string(msb_jail_init_begin, msb_jail_init_end), 0555});
        arguments.insert(arguments.begin(), {"/init", std::to_string(report_number)});
        if (request.role == Role::uml && request.memory_bytes != 0)
            plan.mounts.shm_bytes = std::to_string(request.memory_bytes + (std::uint64_t{8} << 20));
    }
    if (request.role == Role::runtime)
        plan.mounts.binds.push_back(
            {.source = "/dev/null", .target = "/dev/null", .writable = true});
    if (locks_itself_down(request.role) || request.role == Role::kvm || request.role == Role::qcow)
        MSB_TRY(add_libraries(request, plan.mounts));
    if (!locks_itself_down(request.role))
        plan.seccomp = MSB_TRY(seccomp_program(request.role));
    MSB_TRY(prepare(plan.mounts));
    add_file_rules(plan);
    plan.argv = exec_pointers(arguments);
    plan.environment = exec_pointers(request.environment);
    return {};
}

Error explain(const Report& report, Role role) {
    return explain_by_host(
        Error::from_errno(report.error, report.call, report.object)
            .wrap(fmt::format("cannot confine the {} process", to_string(role))));
}

/// Programs in a jail are mounts of what is outside, and have their flags.
Error explain_programs(Error error, const Request& request) {
    for (const Bind& bind : request.binds)
        if (bind.executable)
            error = explain_execve(std::move(error), bind.source);
    return error;
}

/// Serves the child until it has executed its program.
Status see_through(pid_t child, const Request& request, int socket) {
    const bool private_id = request.nested
                                ? ::geteuid() == 0
                                : MSB_TRY_WRAP(write_id_maps(child), "cannot map user ids");
    const auto go = private_id ? Go::private_id : Go::own_id;
    MSB_TRY(sys::write_all(socket, object_bytes(go)));
    Report report{};
    const std::size_t count =
        MSB_TRY(sys::read(socket, {reinterpret_cast<std::uint8_t*>(&report), sizeof(report)}));
    if (count == sizeof(int)) // from init
        return report.error == 0
                   ? Status{}
                   : fail(explain_programs(
                         Error::from_errno(report.error, "execve", request.argv[0]), request));
    if (count == sizeof(report))
        return fail(explain_programs(explain(report, request.role), request));
    if (count == 0 && locks_itself_down(request.role)) // the successful execve closed it
        return {};
    return fail(ErrorKind::system,
                fmt::format("the {} process ended while it was confined", to_string(request.role)));
}

} // namespace

const char* to_string(Role role) {
    switch (role) {
    case Role::runtime: return "runtime";
    case Role::uml: return "uml";
    case Role::kvm: return "kvm";
    case Role::image: return "image";
    case Role::fetch: return "fetch";
    case Role::disk: return "disk";
    case Role::fs: return "fs";
    case Role::net: return "net";
    case Role::tls: return "tls";
    case Role::net_switch: return "switch";
    case Role::qcow: return "qcow";
    case Role::ssh: return "ssh";
    }
    return "?";
}

Result<Process> spawn(const Request& request) {
    Plan plan{};
    std::vector<std::string> arguments;
    MSB_TRY(prepare(request, plan, arguments));
    auto sockets = MSB_TRY(sys::socket_pair(SOCK_SEQPACKET));
    const OwnedFd null_fd = MSB_TRY(sys::open("/dev/null", O_RDWR));
    plan.null_fd = null_fd.get();
    plan.report_fd = sockets[1].get();

    OwnedFd legacy_group;
    if (request.control_group >= 0)
        legacy_group = MSB_TRY(open_legacy_group(request.control_group));
    plan.legacy_group = legacy_group.get();

    int pidfd = -1;
    clone_args arg{};
    arg.flags =
        CLONE_PIDFD | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    if (!request.nested)
        arg.flags |= CLONE_NEWUSER;
    if (!request.nested && !has_host_network(request.role))
        arg.flags |= CLONE_NEWNET;
    arg.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
    arg.exit_signal = SIGCHLD;
    if (request.control_group >= 0) {
        arg.flags |= CLONE_INTO_CGROUP;
        arg.cgroup = static_cast<std::uint64_t>(request.control_group);
    }
    std::optional<SignalPause> pause(std::in_place);
    auto pid = static_cast<pid_t>(::syscall(SYS_clone3, &arg, sizeof(arg)));
    if (pid == -1 && request.control_group >= 0) { // an old kernel, or not ours to enter after all
        arg.flags &= ~static_cast<std::uint64_t>(CLONE_INTO_CGROUP);
        pid = static_cast<pid_t>(::syscall(SYS_clone3, &arg, sizeof(arg)));
    }
    if (pid == -1)
        return fail(explain_by_host(
            Error::from_errno(errno, "clone3", "new namespaces").wrap("cannot create a jail")));
    if (pid == 0) {
        ::close(sockets[0].get());
        run_child(plan);
    }
    pause.reset();
    sockets[1].reset();
    Process process{{pid, OwnedFd(pidfd)}, {}};
    if (Status status = see_through(pid, request, sockets[0].get()); !status) {
        (void)process.signal(SIGKILL);
        (void)process.wait(std::chrono::seconds(5));
        return fail(std::move(status).error());
    }
    if (has_init(request.role))
        process.lifeline = std::move(sockets[0]);
    return process;
}

} // namespace msb::jail
