#include "base/process.hpp"

#include "base/system.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace msb {

namespace {

// Everything the child does between fork and exec. Only async-signal-safe calls: the parent may
// have threads.
struct ExecPlan {
    const char* path;
    char* const* argv;
    char* const* envp;
    const std::pair<int, int>* fds;
    std::size_t fd_count;
    int report_fd;
    int null_fd;
    pid_t parent;
    bool new_session;
    bool die_with_parent;
};

constexpr int first_safe_fd = 512;

int run_child(const ExecPlan& plan) {
    reset_signals();
    if (plan.die_with_parent) {
        if (::prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
            return errno;
        if (::getppid() != plan.parent)
            ::_exit(127);
    }
    if (plan.new_session && ::setsid() == -1)
        return errno;
    // Sources move above every target first, so that no target overwrites a later source.
    const int report = ::fcntl(plan.report_fd, F_DUPFD_CLOEXEC, first_safe_fd);
    if (report == -1)
        return errno;
    int sources[64];
    for (std::size_t i = 0; i < plan.fd_count; ++i) {
        sources[i] = ::fcntl(plan.fds[i].second, F_DUPFD_CLOEXEC, first_safe_fd);
        if (sources[i] == -1)
            return errno;
    }
    for (int fd = 0; fd < 3; ++fd)
        if (::dup2(plan.null_fd, fd) == -1)
            return errno;
    int highest = 2;
    for (std::size_t i = 0; i < plan.fd_count; ++i) {
        if (::dup2(sources[i], plan.fds[i].first) == -1)
            return errno;
        highest = std::max(highest, plan.fds[i].first);
    }
    // Unlisted numbers below the highest target are closed too: inherit only what is named.
    for (int fd = 3; fd < highest; ++fd) {
        bool named = false;
        for (std::size_t i = 0; i < plan.fd_count; ++i)
            named = named || plan.fds[i].first == fd;
        if (!named)
            ::close(fd);
    }
    ::syscall(SYS_close_range, static_cast<unsigned>(highest + 1), ~0U, CLOSE_RANGE_CLOEXEC);
    ::execve(plan.path, plan.argv, plan.envp);
    const int reason = errno;
    (void)!::write(report, &reason, sizeof(reason));
    ::_exit(127);
}

} // namespace

bool is_mounted_noexec(const std::string& path) {
    struct statvfs mount{};
    return ::statvfs(path.c_str(), &mount) == 0 && (mount.f_flag & ST_NOEXEC) != 0;
}

Error explain_execve(Error error, const std::string& program) {
    if (error.sys_errno() != EACCES || !is_mounted_noexec(program))
        return error;
    return std::move(error).with_hint("'" + program +
                                      "' is on a file system mounted noexec: mount it with exec, "
                                      "or install msb elsewhere");
}

void reset_signals() {
    for (int number = 1; number < NSIG; ++number)
        ::signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

SignalPause::SignalPause() {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
}

SignalPause::~SignalPause() {
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

std::vector<char*> exec_pointers(const std::vector<std::string>& strings, std::size_t spare) {
    std::vector<char*> result;
    result.reserve(strings.size() + spare + 1);
    for (const std::string& text : strings)
        result.push_back(const_cast<char*>(text.c_str()));
    result.resize(strings.size() + spare + 1, nullptr);
    return result;
}

Result<Child> spawn(const SpawnOptions& options) {
    if (options.argv.empty() || options.fds.size() > 64)
        return fail(ErrorKind::invalid_argument, "spawn: no program, or more than 64 descriptors");
    const auto argv = exec_pointers(options.argv);
    const auto environment =
        options.environment ? exec_pointers(*options.environment) : std::vector<char*>();
    auto report = MSB_TRY(sys::pipe());
    const OwnedFd null_fd = MSB_TRY(sys::open("/dev/null", O_RDWR));
    ExecPlan plan{};
    plan.path = options.argv[0].c_str();
    plan.argv = argv.data();
    plan.envp = options.environment ? environment.data() : environ;
    plan.fds = options.fds.data();
    plan.fd_count = options.fds.size();
    plan.report_fd = report[1].get();
    plan.null_fd = null_fd.get();
    plan.parent = ::getpid();
    plan.new_session = options.new_session;
    plan.die_with_parent = options.die_with_parent;

    std::optional<SignalPause> pause(std::in_place);
    const pid_t pid = ::fork();
    if (pid == -1)
        return fail_errno("fork");
    if (pid == 0) {
        const int reason = run_child(plan);
        (void)!::write(plan.report_fd, &reason, sizeof(reason));
        ::_exit(127);
    }
    pause.reset();
    report[1].reset();
    int reason = 0;
    const auto count =
        sys::read(report[0].get(), {reinterpret_cast<std::uint8_t*>(&reason), sizeof(reason)});
    auto pidfd = open_pidfd(pid);
    if (count && *count == 0 && pidfd)
        return Child(pid, std::move(*pidfd));
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    if (count && *count > 0)
        return fail(
            explain_execve(Error::from_errno(reason, "execve", options.argv[0]), options.argv[0]));
    return fail(count ? std::move(pidfd).error() : count.error());
}

Status Child::signal(int number) const {
    if (::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0) == -1 && errno != ESRCH)
        return fail_errno("pidfd_send_signal", std::to_string(pid_));
    return {};
}

Result<std::optional<int>> Child::wait(std::chrono::milliseconds timeout) {
    if (status_)
        return status_;
    if (!MSB_TRY(sys::wait_for(pidfd_.get(), POLLIN, timeout)))
        return std::nullopt;
    int status = 0;
    // A program that ignores SIGCHLD or waits for any child has taken the status; we only know that
    // the child has ended.
    if (::waitpid(pid_, &status, 0) == -1 && errno != ECHILD)
        return fail_errno("waitpid", std::to_string(pid_));
    status_ = status;
    return status_;
}

int shell_exit_code(int wait_status) {
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

Result<OwnedFd> open_pidfd(pid_t pid) {
    OwnedFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!fd) {
        Error error = Error::from_errno(errno, "pidfd_open", std::to_string(pid));
        return fail(errno == ESRCH ? std::move(error).with_kind(ErrorKind::not_found)
                                   : std::move(error));
    }
    return fd;
}

} // namespace msb
