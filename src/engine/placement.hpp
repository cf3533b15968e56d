// Which of the host's CPUs a machine with one virtual CPU should run on.
//
// Such a machine never has two processes running at once; they hand over to each other, kernel to
// guest program and back, at every system call of the guest. On one CPU that is a change of
// context; across two it is an interrupt and a sleeping CPU's awakening, which costs several times
// as much. The host's scheduler does not know that and spreads them, so a machine is kept on one
// CPU, and what the scheduler would do between machines is done here: one that has to share its CPU
// while another is free goes there.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

namespace msb::engine {

/// Clock ticks (1/100 s) that each CPU was busy so far, from /proc/stat (proc(5)).
using CpuTable = std::map<int, std::uint64_t>;
CpuTable parse_cpu_times(std::string_view proc_stat);

/// What was seen at a time.
struct PlacementSample {
    std::chrono::steady_clock::time_point time;
    std::chrono::nanoseconds machine{}; ///< CPU time the machine has used so far
    CpuTable cpus;                      ///< those it may use; of interest while it is busy only
};

/// The machine uses enough of a CPU to be worth moving.
bool is_busy(const PlacementSample& before, const PlacementSample& now);
/// A better CPU for a busy machine than `current`, where it runs now; nothing if there is none.
std::optional<int> better_cpu(const PlacementSample& before, const PlacementSample& now,
                              int current);

/// How far apart samples should be while the machine is busy.
constexpr auto placement_period = std::chrono::milliseconds(200);

} // namespace msb::engine
