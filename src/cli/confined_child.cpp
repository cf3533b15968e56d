#include "cli/confined_child.hpp"

#include "base/process.hpp"
#include "base/system.hpp"
#include "jail/landlock.hpp"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace msb::cli {

namespace {

using namespace std::chrono_literals;

constexpr auto tick_period = 50ms;
constexpr auto end_time = 5s; ///< for the child to tidy up after a signal
constexpr std::size_t max_report = std::size_t{16} << 10;

/// "KIND\nHINT\nMESSAGE"; nothing after success. A hint is one line.
std::string encode(const Error& error) {
    return std::to_string(static_cast<int>(error.kind())) + "\n" +
           error.hint().substr(0, error.hint().find('\n')) + "\n" +
           error.to_string().substr(0, max_report / 2);
}

Error decode(const std::string& report) {
    int kind = 0;
    const char* end = report.data() + report.size();
    (void)std::from_chars(report.data(), end, kind);
    if (kind < 0 || kind > static_cast<int>(ErrorKind::system))
        kind = static_cast<int>(ErrorKind::system);
    const std::size_t hint = report.find('\n') + 1;
    const std::size_t end_of_hint = report.find('\n', hint);
    if (end_of_hint == std::string::npos)
        return {static_cast<ErrorKind>(kind), report};
    return Error(static_cast<ErrorKind>(kind), report.substr(end_of_hint + 1))
        .with_hint(report.substr(hint, end_of_hint - hint));
}

[[noreturn]] void run_child(pid_t parent, int directory, int report,
                            const std::function<Status()>& work) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent)
        ::_exit(1);
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    Status done;
    if (directory >= 0)
        done = jail::to_status(jail::restrict_files(
            {{"the destination", jail::FileRule::Access::everything, directory}}));
    if (done)
        done = work();
    const std::string text = done ? std::string() : encode(done.error());
    (void)sys::write_all(report, as_bytes(text));
    ::_exit(done ? 0 : 1);
}

} // namespace

Result<WorkingChild> WorkingChild::start(int directory, const std::function<Status()>& work) {
    auto pipe = MSB_TRY(sys::pipe());
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid == -1)
        return fail_errno("fork");
    if (pid == 0)
        run_child(parent, directory, pipe[1].get(), work);
    return WorkingChild(Child(pid, MSB_TRY(open_pidfd(pid))), std::move(pipe[0]));
}

Status WorkingChild::wait(const std::function<Status()>& tick) {
    std::string report;
    Status ticked;
    auto deadline = std::chrono::steady_clock::time_point::max();
    for (;;) { // until the child has closed its end
        if (MSB_TRY(sys::wait_for(report_.get(), POLLIN, tick_period))) {
            Bytes part(4096);
            const std::size_t count = MSB_TRY(sys::read(report_.get(), part));
            if (count == 0)
                break;
            if (report.size() < max_report)
                report += as_text(BytesView(part).first(count));
        }
        if (ticked) {
            ticked = tick();
            if (!ticked) {
                (void)child_.signal(SIGTERM);
                deadline = std::chrono::steady_clock::now() + end_time;
            }
        }
        if (std::chrono::steady_clock::now() >= deadline)
            (void)child_.signal(SIGKILL);
    }
    const auto status = MSB_TRY(child_.wait(end_time));
    MSB_TRY(std::move(ticked));
    if (status && *status == 0)
        return {};
    if (report.empty())
        return fail(ErrorKind::system, "the process that copied has died");
    return fail(decode(report));
}

Status run_confined(int directory, const std::function<Status()>& work,
                    const std::function<Status()>& tick) {
    return MSB_TRY(WorkingChild::start(directory, work)).wait(tick);
}

} // namespace msb::cli
