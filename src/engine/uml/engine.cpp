#include "base/system.hpp"
#include "engine/placement.hpp"
#include "engine/uml/uml.hpp"
#include "jail/jail.hpp"

#include <algorithm>
#include <csignal>
#include <fmt/core.h>
#include <random>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace msb::engine::uml {

namespace {

constexpr int shell_signal_base = 128;

class UmlEngine final : public Engine {
  public:
    /// `cpus`: where it may run; nothing if it is not kept on one of them.
    UmlEngine(jail::Process process, std::optional<cpu_set_t> cpus)
        : process_(std::move(process)), cpus_(cpus) {}
    ~UmlEngine() override {
        (void)stop();
        (void)wait(std::chrono::seconds(5));
    }

    int pidfd() const override { return process_.pidfd(); }

    // Ends the init of the machine's pid namespace, and thereby every process of it. A guest that
    // is to end in good order has been asked before, by its agent.
    Status stop() override {
        stopped_ = stopped_ || !exit_;
        process_.lifeline.reset();
        return {};
    }

    Result<std::optional<Exit>> wait(std::chrono::milliseconds timeout) override {
        if (exit_)
            return exit_;
        const auto status = MSB_TRY(process_.wait(timeout));
        if (!status)
            return std::nullopt;
        exit_ = explain_exit(*status);
        if (stopped_)
            exit_->detail = "stopped";
        return exit_;
    }

    std::optional<Activity> activity() const override {
        const auto& below = look();
        return below ? std::optional(Activity{below->cpu_time, below->asleep, seen_})
                     : std::nullopt;
    }

    bool balance() override {
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

  private:
    /// Shared by those who look at about the same time, because it costs some system calls for each
    /// process of the guest.
    const std::optional<jail::Below>& look() const {
        using Clock = std::chrono::steady_clock;
        if (const auto now = Clock::now(); now - seen_ >= placement_period / 2) {
            below_ = jail::look_below();
            seen_ = now;
        }
        return below_;
    }

    CpuTable usable(CpuTable table) const {
        std::erase_if(table, [this](const auto& entry) {
            return entry.first >= CPU_SETSIZE ||
                   !CPU_ISSET(static_cast<std::size_t>(entry.first), &*cpus_);
        });
        return table;
    }

    struct Target {
        int cpu = -1;
        int times = 0; ///< still to be told
    };

    jail::Process process_;
    std::optional<Exit> exit_;
    bool stopped_ = false;
    mutable std::optional<jail::Below> below_; ///< as seen last
    mutable std::chrono::steady_clock::time_point seen_{};
    std::optional<cpu_set_t> cpus_;
    PlacementSample sample_{std::chrono::steady_clock::now(), {}, {}}; ///< has used nothing yet
    std::chrono::steady_clock::time_point next_look_ = sample_.time + placement_period / 2;
    Target target_;
    std::minstd_rand random_{std::random_device()()};
};

/// The engine runs as a user who owns nothing: what it must read has to be readable by everybody.
Status require_readable(const std::string& path, mode_t bits) {
    const auto info = MSB_TRY(sys::stat(path));
    if (::geteuid() == 0 && (info.st_mode & bits) != bits)
        return fail(Error(ErrorKind::permission_denied,
                          fmt::format("{} is not readable by the engine's user", path))
                        .with_hint(fmt::format("chmod a+rX {}", path)));
    return {};
}

Result<jail::Request> describe(const Machine& machine) {
    jail::Request request;
    request.role = jail::Role::uml;
    request.nested = machine.nested;
    request.argv = MSB_TRY(command_line(machine, measure_loops_per_jiffy()));
    // The kernel derives its address space from where its environment lies: there must be one.
    request.environment = {"TMPDIR=/dev/shm"};
    request.memory_bytes = machine.memory_bytes;
    MSB_TRY(require_readable(machine.kernel.kernel_path(), S_IROTH | S_IXOTH));
    MSB_TRY(require_readable(machine.initramfs, S_IROTH));
    request.binds = {
        {.source = machine.kernel.directory, .target = "/kernel", .executable = true},
        {.source = machine.initramfs, .target = "/initramfs"},
    };
    for (std::size_t i = 0; i < machine.devices.size(); ++i) {
        const std::string& path = machine.devices[i].path;
        if (::chmod(path.c_str(), 0666) == -1)
            return fail_errno("chmod", path);
        request.binds.push_back({.source = path, .target = fmt::format("/s/{}", i)});
    }
    request.one_cpu = machine.one_cpu;
    if (machine.console_fd >= 0)
        request.fds = {{1, machine.console_fd}, {2, machine.console_fd}};
    return request;
}

} // namespace

Exit explain_exit(int wait_status) {
    using enum Exit::Reason;
    const int code = shell_exit_code(wait_status);
    if (code == 0)
        return {powered_off, code, "powered off"};
    if (WIFSIGNALED(wait_status))
        return {killed, code, fmt::format("killed by signal {}", WTERMSIG(wait_status))};
    const int signal = code - shell_signal_base;
    if (signal == SIGABRT) // how the kernel ends itself after a panic
        return {panic, code, "the guest kernel panicked"};
    if (signal == SIGKILL)
        return {killed, code, "killed by signal 9 (out of memory on the host?)"};
    if (signal > 0)
        return {crashed, code, fmt::format("the engine died of signal {}", signal)};
    return {crashed, code, fmt::format("the engine failed with exit code {}", code)};
}

Result<std::unique_ptr<Engine>> start(const Machine& machine) {
    const jail::Request request = MSB_TRY(describe(machine));
    auto process = MSB_TRY_WRAP(jail::spawn(request), "cannot start the uml engine");
    cpu_set_t cpus;
    const bool known = ::sched_getaffinity(0, sizeof(cpus), &cpus) == 0;
    return std::make_unique<UmlEngine>(
        std::move(process), machine.one_cpu && known ? std::optional(cpus) : std::nullopt);
}

} // namespace msb::engine::uml
