// Limits on a machine's size, from the engine, its kernel and this host.
#pragma once

#include "engine/engine.hpp"

#include <cstdint>
#include <string>

namespace msb::engine {

struct Sizes {
    unsigned vcpus = 1;
    unsigned max_vcpus = 1; ///< what vcpus may grow to while the machine runs
    std::uint64_t memory_mib = 0;
    std::uint64_t max_memory_mib = 0;
    std::string thp =
        "madvise"; ///< the guest kernel's transparent huge pages: always|madvise|never
};

struct HostSizes {
    unsigned cpus = 1; ///< that this process may run on
    std::uint64_t memory_mib = 0;
};
HostSizes host_sizes();

/// Errors name the value and what works: invalid_argument for what no machine can be,
/// limit_exceeded for more than the engine or this host has, unsupported for what the engine or
/// kernel cannot do.
Status check_sizes(const KernelBundle& kernel, const Sizes& sizes, const HostSizes& host);

} // namespace msb::engine
