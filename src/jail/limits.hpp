// Resource limits: what a confined process can take from the host when no cgroup bounds it.
#pragma once

#include "jail/steps.hpp"

#include <cstdint>

namespace msb::jail {

/// 0 = leave as inherited.
struct Limits {
    std::uint64_t open_files = 0;
    std::uint64_t processes = 0; ///< Per user id and user namespace.
    std::uint64_t file_bytes = 0;
    std::uint64_t data_bytes = 0; ///< Private writable memory of one process.
    /// Everything that is mapped: what bounds page tables, and shared memory.
    std::uint64_t address_bytes = 0;
    std::uint64_t locked_bytes = 0; ///< Kept from swap; 0: none.
    std::uint64_t signals = 0;      ///< Queued signals and timers, per user id and user namespace.
};

/// Also makes core dumps, message queues and real-time priority impossible, and
/// bounds the stack. Limits are lowered only, soft and hard alike.
Step apply(const Limits& limits);

} // namespace msb::jail
