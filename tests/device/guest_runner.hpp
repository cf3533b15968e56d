// Boots a guest whose only program is guest_init, in the engine as a sandbox would, for tests and
// benchmarks of the devices.
#pragma once

#include "base/result.hpp"
#include "engine/engine.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace msb::guest {

struct Boot {
    engine::KernelBundle kernel;
    unsigned memory_mib = 256;
    /// vhost-user sockets in the order in which the guest shall see the devices.
    std::vector<engine::DeviceSocket> devices;
    std::string words; ///< "msb.tasks=... msb.key=..."
    std::chrono::seconds deadline{60};
};

/// The kernel to test with: MSB_TEST_KERNEL (a bundle's directory, or a static UML executable),
/// else the best bundle of this build. not_found, with what to do, if there is none.
Result<engine::KernelBundle> find_kernel();

/// Runs the guest until it powers off and returns its console output. timed_out after the deadline;
/// the guest is killed then.
Result<std::string> run_guest(const Boot& boot, const std::string& work_directory);

} // namespace msb::guest
