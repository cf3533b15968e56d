#include "runtime/sampler.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <sys/mman.h>

namespace msb {

namespace {

using namespace std::chrono_literals;

/// Of heartbeats, which come once a second: older ones say nothing about now.
constexpr auto silence = 3s;
constexpr std::uint64_t most_tasks = std::uint64_t{1} << 22; // the kernel's PID_MAX_LIMIT

} // namespace

/// The page stays mapped for as long as the process lives.
Result<Sampler> Sampler::open(OwnedFd segment, const metrics::Place& place, const Limits& limits) {
    void* const page = ::mmap(nullptr, metrics::page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                              segment.get(), static_cast<off_t>(place.offset()));
    if (page == MAP_FAILED)
        return fail_errno("mmap", "slot for metrics");
    return Sampler(MSB_TRY(metrics::SlotWriter::open(static_cast<std::uint8_t*>(page), place)),
                   limits);
}

void Sampler::start(std::int64_t unix_ms, Clock::time_point machine_start) {
    cpu_seen_ = machine_start_ = machine_start;
    more_.interval_ms = limits_.interval_ms;
    more_.cpus = limits_.cpus;
    slot_.activate(unix_ms);
}

void Sampler::observe(const wire::Heartbeat& heartbeat, Clock::time_point now) {
    heartbeat_ = heartbeat;
    heartbeat_seen_ = now;
}

void Sampler::take_traffic(std::string_view text) {
    std::uint64_t received = 0;
    std::uint64_t sent = 0;
    const char* const last = text.data() + text.size();
    const auto first = std::from_chars(text.data(), text.data() + text.size(), received);
    if (first.ec != std::errc{} || first.ptr == last || *first.ptr != ' ')
        return;
    const auto second = std::from_chars(first.ptr + 1, last, sent);
    if (second.ec != std::errc{} || second.ptr != last)
        return;
    numbers_.net_received = received;
    numbers_.net_sent = sent;
}

/// The share of the time since it was seen before. A look that others have shared may be the same one.
void Sampler::add_cpu(const std::optional<engine::Activity>& machine) {
    if (!machine || machine->time <= cpu_seen_)
        return;
    const auto total = std::max(cpu_time_, machine->cpu_time); // ends of processes are seen late
    const auto used = std::chrono::duration<float>(total - cpu_time_);
    const auto passed = std::chrono::duration<float>(machine->time - cpu_seen_);
    const float percent = std::min(100 * used / passed, 100 * static_cast<float>(limits_.cpus));
    numbers_.cpu_percent = std::bit_cast<std::uint32_t>(percent);
    numbers_.known |= metrics::known_cpu_percent;
    numbers_.cpu_time_ns = static_cast<std::uint64_t>(total.count());
    cpu_time_ = total;
    cpu_seen_ = machine->time;
}

void Sampler::add_guest(const wire::Heartbeat& heartbeat, Clock::time_point now) {
    const auto put = [this](metrics::Known flag, std::uint64_t& into,
                            std::optional<std::uint64_t> value, std::uint64_t most) {
        if (!value)
            return;
        into = std::min(*value, most);
        numbers_.known |= flag;
    };
    const auto passed = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(now - machine_start_).count());
    const auto put_stall = [&](metrics::Known flag, metrics::Pressure& into,
                               const std::optional<wire::Stall>& stall) {
        if (!stall)
            return;
        into = {std::min(stall->some_us, passed), std::min(stall->full_us, passed)};
        numbers_.known |= flag;
    };
    put(metrics::known_sessions, more_.sessions, heartbeat.active_exec_sessions, most_tasks);
    if (!heartbeat.usage)
        return;
    const wire::GuestUsage& usage = *heartbeat.usage;
    const std::uint64_t memory = limits_.memory_bytes;
    // A root without a disk lies in the guest's memory.
    const std::uint64_t disk = limits_.disk_bytes != 0 ? limits_.disk_bytes : memory;
    put(metrics::known_memory_used, numbers_.memory_used, usage.memory_used, memory);
    put(metrics::known_memory_available, numbers_.memory_available, usage.memory_available, memory);
    put(metrics::known_upper_used, numbers_.upper_used, usage.root_used, disk);
    put(metrics::known_upper_free, numbers_.upper_free, usage.root_free, disk);
    put(metrics::known_processes, more_.processes, usage.tasks, most_tasks);
    put_stall(metrics::known_cpu_pressure, more_.cpu, usage.cpu_stall);
    put_stall(metrics::known_memory_pressure, more_.memory, usage.memory_stall);
    put_stall(metrics::known_io_pressure, more_.io, usage.io_stall);
}

void Sampler::publish(const HostSide& host, std::int64_t unix_ms, Clock::time_point now) {
    numbers_.known &= metrics::known_cpu_percent;
    numbers_.sampled_at_ms = unix_ms;
    numbers_.memory_limit = limits_.memory_bytes;
    numbers_.disk_read = host.disk_read;
    numbers_.disk_written = host.disk_written;
    add_cpu(host.machine);
    if (host.memory_allocated != 0) {
        numbers_.host_resident = host.memory_allocated;
        numbers_.known |= metrics::known_host_resident;
    }
    if (host.disk_allocated) {
        numbers_.upper_allocated = *host.disk_allocated;
        numbers_.known |= metrics::known_upper_allocated;
    }
    if (heartbeat_ && now - heartbeat_seen_ < silence)
        add_guest(*heartbeat_, now);
    slot_.publish(numbers_, more_);
}

} // namespace msb
