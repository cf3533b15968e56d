// Boots a User Mode Linux kernel with guest_init as its only program, for tests and benchmarks of
// the devices. Not the engine: no jail, no choice, just one process and a deadline.
#pragma once

#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace msb::guest {

struct Boot {
    std::string kernel;                                       ///< Path of the UML executable.
    std::vector<std::pair<std::string, std::string>> modules; ///< File name, path; in order.
    std::string extra_command_line;
    unsigned memory_mib = 256;
    /// vhost-user socket and virtio device id, in the order in which the guest shall see them.
    std::vector<std::pair<std::string, std::uint32_t>> devices;
    std::string words; ///< "msb.tasks=... msb.key=..."
    std::chrono::seconds deadline{60};
};

/// The kernel to test with: MSB_TEST_KERNEL (a path), else the first complete bundle under
/// build/share/microsandbox/kernels. not_found, with what to do, if there is none.
Result<Boot> find_kernel();

/// Runs the guest until it powers off and returns its console output. timed_out after the deadline;
/// the guest is killed then.
Result<std::string> run_guest(const Boot& boot, const std::string& work_directory);

} // namespace msb::guest
