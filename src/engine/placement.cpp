#include "engine/placement.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace msb::engine {

namespace {

/// Shares of a CPU's time: how much a machine must use to be worth moving, and gain by it.
constexpr double worth = 0.25;
constexpr double ticks_per_second = 100;

/// "0 899465 91299 178932 ...", from behind "cpu".
std::optional<std::pair<int, std::uint64_t>> parse_line(std::string_view line) {
    // user, nice, system, idle, iowait, irq, softirq, steal; guest times are in user already.
    constexpr std::size_t idle = 3;
    constexpr std::size_t iowait = 4;
    std::array<std::uint64_t, 8> values{};
    int cpu = -1;
    const char* at = line.data();
    const char* const end = line.data() + line.size();
    const auto number = [&](auto& value) {
        at = std::find_if(at, end, [](char c) { return c != ' '; });
        const auto [next, error] = std::from_chars(at, end, value);
        at = next;
        return error == std::errc();
    };
    if (!number(cpu) || !std::ranges::all_of(values, number))
        return std::nullopt;
    std::uint64_t busy = 0;
    for (std::size_t i = 0; i < values.size(); ++i)
        if (i != idle && i != iowait)
            busy += values[i];
    return std::pair(cpu, busy);
}

double seconds(const PlacementSample& before, const PlacementSample& now) {
    return std::chrono::duration<double>(now.time - before.time).count();
}

/// Of a CPU's time, what the machine got.
double share(const PlacementSample& before, const PlacementSample& now) {
    return std::chrono::duration<double>(now.machine - before.machine).count() /
           seconds(before, now);
}

} // namespace

CpuTable parse_cpu_times(std::string_view proc_stat) {
    CpuTable table;
    constexpr std::string_view key = "cpu";
    while (proc_stat.starts_with(key)) {
        const auto end = std::min(proc_stat.find('\n'), proc_stat.size());
        // The first line is the sum of all and has a blank there.
        if (end > key.size() && proc_stat[key.size()] != ' ')
            if (const auto line = parse_line(proc_stat.substr(key.size(), end - key.size())))
                table.insert(*line);
        proc_stat.remove_prefix(std::min(end + 1, proc_stat.size()));
    }
    return table;
}

bool is_busy(const PlacementSample& before, const PlacementSample& now) {
    return share(before, now) >= worth;
}

std::optional<int> better_cpu(const PlacementSample& before, const PlacementSample& now,
                              int current) {
    const double ticks = seconds(before, now) * ticks_per_second;
    /// Share of its time that a CPU was busy; nothing if it was not there, or went and came back.
    const auto load = [&](int cpu) -> std::optional<double> {
        const auto old_ticks = before.cpus.find(cpu);
        const auto new_ticks = now.cpus.find(cpu);
        if (old_ticks == before.cpus.end() || new_ticks == now.cpus.end() ||
            new_ticks->second < old_ticks->second)
            return std::nullopt;
        return static_cast<double>(new_ticks->second - old_ticks->second) / ticks;
    };
    const auto here = load(current);
    if (!here)
        return std::nullopt;
    std::optional<int> best;
    double least = *here - share(before, now) - worth;
    for (const auto& [cpu, unused] : now.cpus) {
        const auto there = cpu == current ? std::nullopt : load(cpu);
        if (there && *there < least) {
            least = *there;
            best = cpu;
        }
    }
    return best;
}

} // namespace msb::engine
