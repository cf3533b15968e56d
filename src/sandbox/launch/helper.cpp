#include "sandbox/launch/helper.hpp"

#include "base/file.hpp"
#include "base/system.hpp"

#include <charconv>
#include <csignal>
#include <poll.h>

namespace msb {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_stat_bytes = 4096;
constexpr std::size_t most_record_bytes = 4096;
/// For a helper to end by itself when the runtime has; it takes milliseconds.
constexpr auto own_time = 500ms;
/// For the kernel to end one that was killed.
constexpr auto kill_time = 2s;

/// When a process was started, in clock ticks since boot: proc(5), /proc/pid/stat, field 22.
/// Together with the process id it means one process, and no process can change it. The second
/// field is a name in parentheses, which the process chooses.
std::string start_time(pid_t pid) {
    constexpr int fields_before = 19; // behind the name
    const std::string text =
        read_file("/proc/" + std::to_string(pid) + "/stat", most_stat_bytes).value_or("");
    std::size_t at = text.rfind(')');
    for (int i = 0; i <= fields_before && at != std::string::npos; ++i)
        at = text.find(' ', at + 1);
    if (at == std::string::npos)
        return {};
    return text.substr(at + 1, text.find(' ', at + 1) - at - 1);
}

/// One of the record's lines, "PID START_TIME". No process: it has ended.
Result<OwnedFd> find_helper(std::string_view line) {
    pid_t pid = 0;
    const char* const end = line.data() + line.size();
    const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), pid);
    if (error != std::errc() || pid <= 1 || end - rest < 2)
        return fail(ErrorKind::corrupt, "record of helper processes");
    auto process = open_pidfd(pid);
    if (!process && process.error().kind() == ErrorKind::not_found)
        return OwnedFd();
    // Read while we hold the process: if the id had been given to another process before, the time
    // differs.
    if (process && start_time(pid) != std::string_view(rest + 1, end))
        return OwnedFd();
    return process;
}

Status end_helper(const OwnedFd& process) {
    if (!process || MSB_TRY(sys::wait_for(process.get(), POLLIN, own_time)))
        return {};
    const Status killed = Child(-1, MSB_TRY(sys::dup(process.get()))).signal(SIGKILL);
    if (!killed && killed.error().sys_errno() != ESRCH)
        return killed;
    if (!MSB_TRY(sys::wait_for(process.get(), POLLIN, kill_time)))
        return fail(ErrorKind::timed_out, "a helper process of the sandbox does not end");
    return {};
}

} // namespace

void JailedStart::give(int number, OwnedFd fd) {
    request.fds.emplace_back(number, fd.get());
    owned.push_back(std::move(fd));
}

Result<Child> JailedStart::spawn() const {
    return static_cast<Child>(MSB_TRY(jail::spawn(request)));
}

Status record_helpers(const Home& home, std::string_view name, const std::vector<Child>& helpers) {
    std::string record;
    for (const Child& helper : helpers)
        record += std::to_string(helper.pid()) + " " + start_time(helper.pid()) + "\n";
    return write_file_atomic(home.helper_pids(name), record, 0600, false);
}

Status end_helpers(const Home& home, std::string_view name) {
    const auto record = read_file(home.helper_pids(name), most_record_bytes);
    if (!record)
        return {}; // there are no helpers
    std::vector<OwnedFd> processes;
    for (std::string_view rest = *record; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size() - 1);
        if (auto process = find_helper(rest.substr(0, end)))
            processes.push_back(std::move(*process));
        rest.remove_prefix(end + 1);
    }
    for (const OwnedFd& process : processes)
        MSB_TRY(end_helper(process));
    return sys::unlink(home.helper_pids(name));
}

} // namespace msb
