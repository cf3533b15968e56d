#include "engine/machine_process.hpp"

#include "base/system.hpp"

#include <algorithm>
#include <csignal>
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace msb::engine {

Result<std::unique_ptr<Engine>> MachineProcess::start(const jail::Request& request, Kind kind) {
    auto process = MSB_TRY_WRAP(jail::spawn(request),
                                fmt::format("cannot start the {} engine", to_string(request.role)));
    cpu_set_t cpus;
    const bool known = ::sched_getaffinity(0, sizeof(cpus), &cpus) == 0;
    return std::unique_ptr<Engine>(new MachineProcess(
        std::move(process), kind, request.one_cpu && known ? std::optional(cpus) : std::nullopt));
}

MachineProcess::~MachineProcess() {
    (void)stop();
    (void)wait(std::chrono::seconds(5));
}

// Ends the init of the machine's pid namespace, and thereby every process of it. A guest that
// is to end in good order has been asked before, by its agent.
Status MachineProcess::stop() {
    stopped_ = stopped_ || !exit_;
    process_.lifeline.reset();
    return {};
}

Result<std::optional<Exit>> MachineProcess::wait(std::chrono::milliseconds timeout) {
    if (exit_)
        return exit_;
    const auto status = MSB_TRY(process_.wait(timeout));
    if (!status)
        return std::nullopt;
    exit_ = kind_.explain(*status);
    if (stopped_)
        exit_->detail = "stopped";
    return exit_;
}

std::optional<Activity> MachineProcess::activity() const {
    if (!kind_.shows_activity)
        return std::nullopt;
    const auto& below = look();
    return below ? std::optional(Activity{below->cpu_time, below->asleep, seen_}) : std::nullopt;
}

const std::optional<jail::Below>& MachineProcess::look() const {
    using Clock = std::chrono::steady_clock;
    if (const auto now = Clock::now(); now - seen_ >= placement_period / 2) {
        below_ = jail::look_below();
        seen_ = now;
    }
    return below_;
}

bool MachineProcess::balance() {
    using Clock = std::chrono::steady_clock;
    const auto time = Clock::now();
    if (!cpus_ || time < next_look_)
        return false;
    const auto& below = look();
    // Looking at a guest of thousands of processes takes time that its devices need.
    const Clock::duration pause = 50 * (Clock::now() - time);
    next_look_ = time + std::max<Clock::duration>(placement_period / 2, pause);
    if (!below)
        return false;
    PlacementSample now{time, below->cpu_time, {}};
    const bool busy = is_busy(sample_, now);
    if (busy)
        if (const auto times = jail::read_cpu_times())
            now.cpus = usable(parse_cpu_times(*times));
    const auto cpu = better_cpu(sample_, now, below->cpu);
    sample_ = std::move(now);
    // Machines that share a CPU see the same free one; let chance keep some of them here.
    if (cpu && random_() % 2 == 0)
        target_ = {*cpu, 2};
    // Twice, to catch processes that were started in between.
    if (target_.times > 0 && process_.lifeline) {
        --target_.times;
        (void)jail::place(process_.lifeline.get(), target_.cpu, *below); // or the next time
    }
    return busy;
}

CpuTable MachineProcess::usable(CpuTable table) const {
    std::erase_if(table, [this](const auto& entry) {
        return entry.first >= CPU_SETSIZE ||
               !CPU_ISSET(static_cast<std::size_t>(entry.first), &*cpus_);
    });
    return table;
}

Status require_readable(const std::string& path, mode_t bits) {
    const auto info = MSB_TRY(sys::stat(path));
    if (::geteuid() == 0 && (info.st_mode & bits) != bits)
        return fail(Error(ErrorKind::permission_denied,
                          fmt::format("{} is not readable by the engine's user", path))
                        .with_hint(fmt::format("chmod a+rX {}", path)));
    return {};
}

Status bind_devices(const Machine& machine, jail::Request& request) {
    for (std::size_t i = 0; i < machine.devices.size(); ++i) {
        const std::string& path = machine.devices[i].path;
        if (::chmod(path.c_str(), 0666) == -1)
            return fail_errno("chmod", path);
        request.binds.push_back({.source = path, .target = fmt::format("/s/{}", i)});
    }
    return {};
}

std::optional<Exit> explain_signals(int wait_status) {
    using enum Exit::Reason;
    constexpr int shell_signal_base = 128;
    const int code = shell_exit_code(wait_status);
    if (WIFSIGNALED(wait_status))
        return Exit{killed, code, fmt::format("killed by signal {}", WTERMSIG(wait_status))};
    const int signal = code - shell_signal_base;
    if (signal == SIGKILL)
        return Exit{killed, code, "killed by signal 9 (out of memory on the host?)"};
    if (signal > 0)
        return Exit{crashed, code, fmt::format("the engine died of signal {}", signal)};
    return std::nullopt;
}

} // namespace msb::engine
