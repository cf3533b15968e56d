#include "metrics/sample.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace msb::metrics {

namespace {

constexpr std::uint32_t most_cpus = 1024;
/// JSON readers in many languages know integers up to this one.
constexpr std::uint64_t most = (std::uint64_t{1} << 53) - 1;
constexpr std::int64_t last_time_ms = 253'402'300'799'999; ///< the end of the year 9999

std::int64_t time_of(std::int64_t ms) {
    return std::clamp<std::int64_t>(ms, 0, last_time_ms);
}

std::uint64_t count_of(std::uint64_t value) {
    return std::min(value, most);
}

double percent_of(const Numbers& numbers, unsigned cpus) {
    const double percent = std::bit_cast<float>(numbers.cpu_percent);
    if ((numbers.known & known_cpu_percent) == 0 || !std::isfinite(percent))
        return 0;
    return std::clamp(percent, 0.0, 100.0 * cpus);
}

} // namespace

std::optional<Sample> read_slot(BytesView bytes, std::uint64_t generation) {
    Slot slot;
    if (bytes.size() != sizeof(slot))
        return std::nullopt;
    std::memcpy(&slot, bytes.data(), sizeof(slot));
    const Numbers& numbers = slot.numbers;
    if (slot.generation != generation || numbers.sampled_at_ms <= 0)
        return std::nullopt;
    const auto if_known = [&](Known flag, std::uint64_t value) {
        return (numbers.known & flag) != 0 ? std::optional(count_of(value)) : std::nullopt;
    };
    const auto pressure = [&](Known flag, const Pressure& value) {
        return (numbers.known & flag) != 0
                   ? std::optional(Pressure{count_of(value.some_us), count_of(value.full_us)})
                   : std::nullopt;
    };
    Sample sample;
    sample.active = slot.state == SlotState::active;
    sample.started_at_ms = time_of(slot.started_at_ms);
    sample.sampled_at_ms = time_of(numbers.sampled_at_ms);
    sample.interval_ms = slot.more.interval_ms;
    sample.cpus = std::clamp<std::uint32_t>(slot.more.cpus, 1, most_cpus);
    sample.cpu_percent = percent_of(numbers, sample.cpus);
    sample.cpu_time_ns = count_of(numbers.cpu_time_ns);
    sample.memory_limit = count_of(numbers.memory_limit);
    sample.memory_used = if_known(known_memory_used, numbers.memory_used).value_or(0);
    sample.memory_available = if_known(known_memory_available, numbers.memory_available);
    sample.host_resident = if_known(known_host_resident, numbers.host_resident);
    sample.disk_read = count_of(numbers.disk_read);
    sample.disk_written = count_of(numbers.disk_written);
    sample.net_received = count_of(numbers.net_received);
    sample.net_sent = count_of(numbers.net_sent);
    sample.upper_used = if_known(known_upper_used, numbers.upper_used);
    sample.upper_free = if_known(known_upper_free, numbers.upper_free);
    sample.upper_allocated = if_known(known_upper_allocated, numbers.upper_allocated);
    sample.processes = if_known(known_processes, slot.more.processes);
    sample.sessions = if_known(known_sessions, slot.more.sessions);
    sample.restarts = if_known(known_restarts, slot.more.restarts).value_or(0);
    sample.cpu_pressure = pressure(known_cpu_pressure, slot.more.cpu);
    sample.memory_pressure = pressure(known_memory_pressure, slot.more.memory);
    sample.io_pressure = pressure(known_io_pressure, slot.more.io);
    return sample;
}

const char* find_fault(BytesView bytes, std::uint64_t size) {
    Header header;
    if (bytes.size() != sizeof(header))
        return "is too short";
    std::memcpy(&header, bytes.data(), sizeof(header));
    if (header.magic != segment_magic)
        return "is not a metrics registry";
    if (header.version != segment_version)
        return "is of another version";
    if (header.header_bytes != sizeof(Header) || header.slot_bytes != sizeof(Slot) ||
        header.capacity < capacity_for(1) || header.capacity % slots_per_page != 0 ||
        size != segment_bytes(header.capacity))
        return "has sizes that do not fit together";
    return header.state == SegmentState::ready ? nullptr : "was not finished";
}

} // namespace msb::metrics
