// What a slot says, checked. The runtime that writes it may have been taken over by its guest: whatever
// stands there, a sample has numbers that can be, and only lies about that one sandbox.
#pragma once

#include "base/bytes.hpp"
#include "metrics/layout.hpp"

#include <cstdint>
#include <optional>

namespace msb::metrics {

struct Sample {
    bool active = false; ///< false: the run is over, or has not begun
    std::int64_t started_at_ms = 0;
    std::int64_t sampled_at_ms = 0;
    std::uint32_t interval_ms = 0;
    unsigned cpus = 1;
    double cpu_percent = 0; ///< of one CPU; at most 100 for each that the guest has
    std::uint64_t cpu_time_ns = 0;
    std::uint64_t memory_limit = 0;
    std::uint64_t memory_used = 0;
    std::optional<std::uint64_t> memory_available;
    std::optional<std::uint64_t> host_resident;
    std::uint64_t disk_read = 0;
    std::uint64_t disk_written = 0;
    std::uint64_t net_received = 0;
    std::uint64_t net_sent = 0;
    std::optional<std::uint64_t> upper_used;
    std::optional<std::uint64_t> upper_free;
    std::optional<std::uint64_t> upper_allocated;
    std::optional<std::uint64_t> processes;
    std::optional<std::uint64_t> sessions;
    std::uint64_t restarts = 0;
    std::optional<Pressure> cpu_pressure;
    std::optional<Pressure> memory_pressure;
    std::optional<Pressure> io_pressure;
};

/// The sample in the bytes of a slot that was given out as `generation`; nothing if there is none yet, or
/// they are not a slot of that generation.
std::optional<Sample> read_slot(BytesView bytes, std::uint64_t generation);

/// Why these are not the header of a segment that we read; nothing if they are. `size`: the file's.
const char* find_fault(BytesView header, std::uint64_t size);

} // namespace msb::metrics
