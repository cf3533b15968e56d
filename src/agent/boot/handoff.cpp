#include "agent/boot/handoff.hpp"

#include "base/file.hpp"
#include "base/process.hpp"
#include "base/system.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace msb::agent {

namespace {

using namespace std::chrono_literals;

constexpr int systemd_power_off = 34 + 4; ///< SIGRTMIN+4, systemd(1) "SIGNALS"
constexpr const char* first_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

Status check_init(const std::string& path) {
    struct stat info{};
    if (::stat(path.c_str(), &info) == -1)
        return fail(Error::from_errno(errno, "handoff init binary not found", path));
    if (!S_ISREG(info.st_mode))
        return fail(Error::from_errno(EACCES, "handoff init is not a regular file", path));
    if ((info.st_mode & 0111) == 0)
        return fail(Error::from_errno(EACCES, "handoff init binary is not executable", path));
    return {};
}

Result<std::string> find_init(const std::string& wanted) {
    if (wanted != "auto") {
        MSB_TRY(check_init(wanted));
        return wanted;
    }
    for (const char* path : {"/sbin/init", "/lib/systemd/systemd", "/usr/lib/systemd/systemd"})
        if (check_init(path))
            return path;
    return fail(Error::from_errno(ENOENT,
                                  "handoff init binary not found: 'auto' looked for /sbin/init, "
                                  "/lib/systemd/systemd, /usr/lib/systemd/systemd"));
}

void set_variable(std::vector<std::string>& env, const std::string& key, const std::string& value) {
    std::erase_if(env, [&](const std::string& old) { return old.starts_with(key + "="); });
    env.push_back(key + "=" + value);
}

/// This machine has a console and no virtual terminals. User-mode Linux has their nodes, which
/// cannot be opened: an init would start a login on each of them, again and again.
void remove_virtual_terminals() {
    for (int number = 0; number < 64; ++number)
        ::unlink(("/dev/tty" + std::to_string(number)).c_str());
}

/// Runs in the parent, process 1. Returns only if the init could not be executed, with the reason.
int become_init(const Handoff& handoff) {
    for (int number = 1; number < NSIG; ++number)
        ::signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::setpriority(PRIO_PROCESS, 0, 0); // the agent's own is higher
    for (const ResourceLimit& limit : handoff.limits) {
        const rlimit values{limit.soft, limit.hard};
        if (::setrlimit(static_cast<__rlimit_resource>(limit.resource), &values) == -1)
            return errno;
    }
    if (::chdir(handoff.directory.c_str()) == -1)
        return errno;
    ::execve(handoff.path.c_str(), exec_pointers(handoff.argv).data(),
             exec_pointers(handoff.env).data());
    return errno;
}

/// Runs in the child: sets up what only process 1 has by itself.
void become_ordinary() {
    ::setsid();
    ::prctl(PR_SET_NAME, "msb-agent");
    // Orphans of commands become our children, so that we know when none of them runs any more.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    // When memory is short the kernel kills the agent last, but it may.
    if (const auto score = sys::open("/proc/self/oom_score_adj", O_WRONLY))
        (void)sys::write_all(score->get(), as_bytes("-999"));
}

/// At shutdown systemd spares processes of root whose name begins with '@'; this is meant for
/// programs that serve the root file system (systemd.io/ROOT_STORAGE_DAEMONS). The agent is one: it
/// leaves the sandbox's disk clean if the init does not finish.
void survive_systemd() {
    // /proc/self/cmdline is the first argument's memory.
    if (program_invocation_name != nullptr && *program_invocation_name != '\0')
        *program_invocation_name = '@';
    // A handler, not SIG_IGN: commands would inherit that.
    ::signal(SIGTERM, [](int) {});
}

/// Writes to a FIFO whose reader must be there already.
bool write_fifo(const char* path, std::string_view text) {
    const auto fifo = sys::open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW);
    if (!fifo)
        return false;
    const auto info = sys::fstat(fifo->get());
    return info && S_ISFIFO(info->st_mode) && sys::write_all(fifo->get(), as_bytes(text));
}

/// runit(8): at SIGCONT it goes to stage 3 if its marker is executable, and powers off unless the
/// other one is. Distributions that keep /etc unwritable have them in /run.
void ask_runit() {
    const bool in_run = exists("/run/runit.stopit") || exists("/run/runit.reboot");
    const char* stop = in_run ? "/run/runit.stopit" : "/etc/runit/stopit";
    (void)::chmod(in_run ? "/run/runit.reboot" : "/etc/runit/reboot", 0);
    const OwnedFd marker(::open(stop, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0100));
    if (marker && ::fchmod(marker.get(), 0100) == 0)
        ::kill(1, SIGCONT);
}

bool signal_init(int signal) {
    const std::string status = read_file("/proc/1/status", 65'536).value_or("");
    const std::string call = read_file("/proc/1/syscall", 1024).value_or("");
    return hears_signal(status, call, signal) && ::kill(1, signal) == 0;
}

/// The scan directory, which is where s6-svscan works, says what a signal does. In one that
/// s6-linux-init made SIGUSR1 is the power-off (and SIGTERM nothing); in others SIGTERM ends the
/// services and executes .s6-svscan/finish.
bool ask_s6() {
    return signal_init(exists("/proc/1/cwd/.s6-svscan/SIGUSR1") ? SIGUSR1 : SIGTERM);
}

bool ask_sysvinit() {
    const std::string request = sysvinit_request('0');
    return write_fifo("/run/initctl", request) || write_fifo("/dev/initctl", request);
}

/// The kernel also says ENOENT if a script exists but its interpreter is missing.
Error cannot_execute(const std::string& path, int reason) {
    if (reason == ENOENT && exists(path)) {
        std::array<std::uint8_t, 256> head{};
        std::size_t size = 0;
        if (const auto file = sys::open(path, O_RDONLY | O_NONBLOCK))
            size = sys::read(file->get(), head).value_or(0);
        const std::string interpreter = script_interpreter(as_text(BytesView(head).first(size)));
        return Error::from_errno(reason, interpreter.empty() ? "its dynamic loader" : "interpreter",
                                 interpreter)
            .wrap("cannot execute the handoff init '" + path + "'");
    }
    return Error::from_errno(reason, "cannot execute the handoff init", path);
}

/// When an init ends, its guest ends. To notice an init that ends at once before the guest is
/// reported ready, waits until the init sleeps in a system call or has worked for a while.
void wait_for_life() {
    constexpr auto step = 2ms;
    constexpr int steps = 50;
    constexpr int enough = 3;
    for (int i = 0, waiting = 0; i < steps && waiting < enough; ++i) {
        std::this_thread::sleep_for(step);
        const std::string stat = read_file("/proc/1/stat", 4096).value_or("");
        const std::size_t name_end = stat.rfind(')');
        waiting =
            name_end != stat.npos && stat.substr(name_end).starts_with(") S") ? waiting + 1 : 0;
    }
}

} // namespace

std::string script_interpreter(std::string_view head) {
    if (!head.starts_with("#!"))
        return {};
    head = head.substr(2, head.find('\n') - 2);
    head.remove_prefix(std::min(head.find_first_not_of(" \t"), head.size()));
    return std::string(head.substr(0, head.find_first_of(" \t")));
}

Result<Handoff> prepare_handoff(const wire::HandoffInit& init,
                                const std::vector<wire::KeyValue>& environment,
                                std::vector<ResourceLimit> limits) {
    Handoff handoff;
    handoff.path = MSB_TRY(find_init(init.cmd));
    handoff.argv = {handoff.path};
    handoff.argv.insert(handoff.argv.end(), init.args.begin(), init.args.end());
    handoff.env = {std::string("PATH=") + first_path, "HOME=/", "TERM=linux"};
    for (const auto* list : {&environment, &init.env})
        for (const auto& [key, value] : *list)
            set_variable(handoff.env, key, value);
    handoff.directory = init.cwd.value_or("/");
    struct stat info{};
    if (::stat(handoff.directory.c_str(), &info) == -1 || !S_ISDIR(info.st_mode))
        return fail(Error::from_errno(ENOENT, "working directory of the init not found",
                                      handoff.directory));
    handoff.limits = std::move(limits);
    return handoff;
}

Status hand_over(const Handoff& handoff) {
    remove_virtual_terminals();
    auto report = MSB_TRY(sys::pipe());
    const pid_t child = ::fork();
    if (child == -1)
        return fail_errno("fork");
    if (child > 0) {
        const int reason = become_init(handoff);
        (void)!::write(report[1].get(), &reason, sizeof(reason));
        for (;;)
            ::pause(); // process 1 must not end; the child powers off
    }
    become_ordinary();
    report[1].reset();
    int reason = 0;
    const auto count =
        sys::read(report[0].get(), {reinterpret_cast<std::uint8_t*>(&reason), sizeof(reason)});
    if (count && *count == sizeof(reason))
        return fail(cannot_execute(handoff.path, reason));
    if (running_init() == InitKind::systemd)
        survive_systemd();
    wait_for_life();
    return {};
}

InitKind identify_init(std::string_view program, std::string_view name) {
    const std::string_view file = program.substr(program.rfind('/') + 1);
    if (file == "systemd")
        return InitKind::systemd;
    if (file.starts_with("busybox"))
        return InitKind::busybox;
    if (file == "openrc-init")
        return InitKind::openrc;
    if (file == "runit" || file == "runit-init")
        return InitKind::runit;
    if (file == "s6-svscan")
        return InitKind::s6;
    if (file == "init" && name == "init")
        return InitKind::sysvinit;
    return InitKind::other;
}

InitKind running_init() {
    std::array<char, 256> program;
    const ssize_t size = ::readlink("/proc/1/exe", program.data(), program.size());
    std::string name = read_file("/proc/1/comm", 64).value_or("");
    while (name.ends_with('\n'))
        name.pop_back();
    return identify_init({program.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))},
                         name);
}

bool ask_to_power_off(InitKind kind) {
    switch (kind) {
    case InitKind::systemd: return signal_init(systemd_power_off);
    // busybox as process 1 is not always an init: it is also the shell of many scripts.
    case InitKind::busybox: return signal_init(SIGUSR2) || signal_init(SIGTERM);
    case InitKind::s6: return ask_s6();
    // sysvinit takes no request while it waits for a start-up script. Other inits are called
    // "init", too.
    case InitKind::sysvinit: return !ask_sysvinit() && signal_init(SIGTERM);
    // openrc-init makes its FIFO when start-up is over, and does not read it while it is busy.
    // SIGTERM would not wait for that: it would start a shutdown beside the start-up, or a second
    // one.
    case InitKind::openrc: return write_fifo("/run/openrc/init.ctl", "poweroff");
    // runit drops requests that come before its stage 2.
    case InitKind::runit: ask_runit(); return false;
    case InitKind::other: return signal_init(SIGTERM);
    }
    return false;
}

bool hears_signal(std::string_view status, std::string_view call, int signal) {
    if (call.starts_with(std::to_string(SYS_rt_sigtimedwait) + " "))
        return true;
    const std::uint64_t bit = std::uint64_t{1} << (signal - 1);
    for (const std::string_view key : {"SigBlk:\t", "SigCgt:\t"}) {
        const std::size_t at = status.find(key);
        if (at == status.npos)
            continue;
        const std::string_view value = status.substr(at + key.size());
        std::uint64_t mask = 0;
        std::from_chars(value.data(), value.data() + value.size(), mask, 16);
        if ((mask & bit) != 0)
            return true;
    }
    return false;
}

std::string sysvinit_request(char runlevel) {
    // initreq.h: magic, cmd, runlevel, sleeptime, 368 bytes of data.
    constexpr std::int32_t magic = 0x03091969;
    constexpr std::int32_t change_runlevel = 1;
    // Between SIGTERM and SIGKILL to what its inittab started, in seconds; telinit's default.
    constexpr std::int32_t grace = 3;
    const std::int32_t head[4] = {magic, change_runlevel, runlevel, grace};
    std::string request(384, '\0');
    std::memcpy(request.data(), head, sizeof(head));
    return request;
}

} // namespace msb::agent
