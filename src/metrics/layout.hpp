// The shared-memory segment in which runtimes publish what their sandboxes use: a header and slots of
// 512 bytes, little-endian, readable by anything that knows these offsets.
//
// A runtime may be taken over by its guest, so it must not reach the slot of another: it maps one page
// and closes the descriptor. Slot i begins at 256 + 512 i, so slot 8k is the first whole one of
// page k, and it is the only one given out of that page; slot 0 shares its page with the header and is never
// given out. The slots between look free to whoever scans them all, and so the capacity in the header counts them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace msb::metrics {

static_assert(std::endian::native == std::endian::little);

inline constexpr std::uint64_t segment_magic = 0x3130'5445'4D42'534D; ///< "MSBMET01"
inline constexpr std::uint32_t segment_version = 3;
inline constexpr std::size_t page_bytes = 4096;
inline constexpr std::size_t slots_per_page = 8;
inline constexpr std::size_t max_name = 128;

enum class SegmentState : std::uint32_t { uninitialised, initialising, ready };

struct Header {
    std::uint64_t magic = segment_magic;
    std::uint32_t version = segment_version;
    std::uint32_t header_bytes = 256;
    std::uint32_t slot_bytes = 512;
    std::uint32_t capacity = 0; ///< in slots
    SegmentState state = SegmentState::uninitialised;
    std::uint32_t unused = 0;
    std::int64_t created_at_ms = 0; ///< Unix time
    std::uint64_t generation = 0;   ///< of the slot that was given out last
    std::uint8_t padding[208] = {};
};
static_assert(sizeof(Header) == 256 && offsetof(Header, created_at_ms) == 0x20 &&
              offsetof(Header, generation) == 0x28);

enum class SlotState : std::uint32_t { free, reserved, active, stale };

/// Which of a slot's numbers are known. Those from 16 on are ours: they lie behind the name, where other
/// readers have padding.
enum Known : std::uint32_t {
    known_cpu_percent = 1U << 0,
    known_memory_used = 1U << 1,
    known_memory_available = 1U << 2,
    known_host_resident = 1U << 3,
    known_upper_used = 1U << 4,
    known_upper_free = 1U << 5,
    known_upper_allocated = 1U << 6,
    known_processes = 1U << 16,
    known_sessions = 1U << 17,
    known_cpu_pressure = 1U << 18,
    known_memory_pressure = 1U << 19,
    known_io_pressure = 1U << 20,
    known_restarts = 1U << 21,
};

/// The numbers of one sample, in the order in which they lie in a slot.
struct Numbers {
    std::int64_t sampled_at_ms = 0; ///< Unix time; 0: there is none yet
    std::uint32_t known = 0;
    std::uint32_t unused = 0;
    std::uint64_t memory_limit = 0;
    std::uint64_t cpu_time_ns = 0;
    std::uint32_t cpu_percent = 0; ///< bits of a float
    std::uint32_t unused_too = 0;
    std::uint64_t memory_used = 0;
    std::uint64_t memory_available = 0;
    std::uint64_t host_resident = 0;
    std::uint64_t disk_read = 0;
    std::uint64_t disk_written = 0;
    std::uint64_t net_received = 0; ///< by the guest
    std::uint64_t net_sent = 0;
    std::uint64_t upper_used = 0;
    std::uint64_t upper_free = 0;
    std::uint64_t upper_allocated = 0;
};

/// Time that something of the guest waited for a resource, so far: some of its tasks, and all of them.
struct Pressure {
    std::uint64_t some_us = 0;
    std::uint64_t full_us = 0;
    bool operator==(const Pressure&) const = default;
};

/// Ours, behind the name.
struct MoreNumbers {
    std::uint32_t interval_ms = 0;
    std::uint32_t cpus = 0;
    std::uint64_t processes = 0;
    std::uint64_t sessions = 0;
    std::uint64_t restarts = 0; ///< of the sandbox, since it has had a slot
    Pressure cpu;
    Pressure memory;
    Pressure io;
};

struct Slot {
    SlotState state = SlotState::free;
    std::uint32_t unused = 0;
    std::uint64_t generation = 0;
    std::uint64_t sequence = 0; ///< odd while the numbers change
    std::int32_t sandbox_id = 0;
    std::int32_t run_id = 0;
    std::int32_t pid = 0; ///< of the runtime; while it is reserved, of its launcher
    std::uint32_t unused_too = 0;
    std::int64_t started_at_ms = 0; ///< Unix time
    Numbers numbers;
    std::uint16_t name_bytes = 0;
    std::uint8_t unused_three[6] = {};
    char name[max_name] = {};
    MoreNumbers more;
    std::uint8_t padding[128] = {};
};
static_assert(sizeof(Slot) == 512 && offsetof(Slot, sequence) == 0x10 &&
              offsetof(Slot, pid) == 0x20 && offsetof(Slot, started_at_ms) == 0x28 &&
              offsetof(Slot, numbers) == 0x30);
static_assert(offsetof(Numbers, known) == 0x08 && offsetof(Numbers, memory_limit) == 0x10 &&
              offsetof(Numbers, cpu_percent) == 0x20 && offsetof(Numbers, memory_used) == 0x28 &&
              offsetof(Numbers, net_sent) == 0x58 && offsetof(Numbers, upper_allocated) == 0x70);
static_assert(offsetof(Slot, name_bytes) == 0xa8 && offsetof(Slot, name) == 0xb0 &&
              offsetof(Slot, more) == 0x130);

/// Where page k's slot begins, in the segment and in the page.
constexpr std::size_t slot_in_page = sizeof(Header);
constexpr std::size_t slot_offset(std::size_t page) {
    return slot_in_page + page * page_bytes;
}
/// Of a segment for so many sandboxes.
constexpr std::uint32_t capacity_for(std::uint32_t sandboxes) {
    return (sandboxes + 1) * static_cast<std::uint32_t>(slots_per_page);
}
constexpr std::size_t segment_bytes(std::uint32_t capacity) {
    return sizeof(Header) + capacity * sizeof(Slot);
}

} // namespace msb::metrics
