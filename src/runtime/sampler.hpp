// What the sandbox uses, once in a while written to its slot of the metrics' registry (metrics/layout.hpp).
//
// The host's own numbers (CPU time, bytes of devices, files behind memory and disk) are as the host sees
// them. What only the guest knows comes with its heartbeats and is bounded by what it can be; it lies
// about itself only. Numbers of a guest that has fallen silent are left out.
#pragma once

#include "base/fd.hpp"
#include "engine/engine.hpp"
#include "metrics/slot_writer.hpp"
#include "wire/control_messages.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace msb {

class Sampler {
  public:
    using Clock = std::chrono::steady_clock;

    struct Limits {
        std::uint64_t memory_bytes = 0; ///< of the guest
        std::uint64_t disk_bytes = 0;   ///< of its writable disk; 0: it has none
        unsigned cpus = 1;
        std::uint32_t interval_ms = 0;
    };
    /// Maps the slot's page of `segment`, and closes that.
    static Result<Sampler> open(OwnedFd segment, const metrics::Place& place, const Limits& limits);
    Sampler(metrics::SlotWriter slot, const Limits& limits) : slot_(slot), limits_(limits) {}

    /// The guest is ready. `machine_start`: its engine has used no CPU before.
    void start(std::int64_t unix_ms, Clock::time_point machine_start);
    void observe(const wire::Heartbeat& heartbeat, Clock::time_point now);
    /// As netd tells it: "TO_GUEST FROM_GUEST", in bytes.
    void take_traffic(std::string_view text);

    struct HostSide {
        std::optional<engine::Activity> machine;
        std::uint64_t disk_read = 0;
        std::uint64_t disk_written = 0;
        std::uint64_t memory_allocated = 0; ///< 0: not known
        std::optional<std::uint64_t> disk_allocated;
    };
    /// Whether there is a sample to take: before the guest's first report there is not.
    bool ready() const { return heartbeat_.has_value(); }
    void publish(const HostSide& host, std::int64_t unix_ms, Clock::time_point now);
    void stop() { slot_.retire(); }

  private:
    void add_cpu(const std::optional<engine::Activity>& machine);
    void add_guest(const wire::Heartbeat& heartbeat, Clock::time_point now);

    metrics::SlotWriter slot_;
    Limits limits_;
    Clock::time_point machine_start_{};
    std::chrono::nanoseconds cpu_time_{};
    Clock::time_point cpu_seen_{};
    std::optional<wire::Heartbeat> heartbeat_; ///< the last one
    Clock::time_point heartbeat_seen_{};
    metrics::Numbers numbers_; ///< of the last sample; counters stay where they were
    metrics::MoreNumbers more_;
};

} // namespace msb
