// A machine that is one jailed process with an init above it: what all engines have in common.
#pragma once

#include "engine/engine.hpp"
#include "engine/placement.hpp"
#include "jail/jail.hpp"

#include <chrono>
#include <optional>
#include <random>
#include <sched.h>

namespace msb::engine {

class MachineProcess final : public Engine {
  public:
    struct Kind {
        Exit (*explain)(int wait_status); ///< what the status of its init means
        /// The state of its processes tells whether the machine sleeps.
        bool shows_activity;
    };
    /// Starts what `request` describes.
    static Result<std::unique_ptr<Engine>> start(const jail::Request& request, Kind kind);
    ~MachineProcess() override;

    int pidfd() const override { return process_.pidfd(); }
    Status stop() override;
    Result<std::optional<Exit>> wait(std::chrono::milliseconds timeout) override;
    std::optional<Activity> activity() const override;
    bool balance() override;

  private:
    /// `cpus`: where it may run; nothing if it is not kept on one of them.
    MachineProcess(jail::Process process, Kind kind, std::optional<cpu_set_t> cpus)
        : process_(std::move(process)), kind_(kind), cpus_(cpus) {}
    /// Shared by those who look at about the same time, because it costs some system calls for each
    /// process of the guest.
    const std::optional<jail::Below>& look() const;
    CpuTable usable(CpuTable table) const;

    struct Target {
        int cpu = -1;
        int times = 0; ///< still to be told
    };

    jail::Process process_;
    Kind kind_;
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
Status require_readable(const std::string& path, mode_t bits);

/// Makes the devices' sockets connectable for the engine, and visible in its jail as /s/0, /s/1, ...
Status bind_devices(const Machine& machine, jail::Request& request);

/// Exits of `init` that no engine's program decides: signals, and what a program's own signal became.
std::optional<Exit> explain_signals(int wait_status);

} // namespace msb::engine
