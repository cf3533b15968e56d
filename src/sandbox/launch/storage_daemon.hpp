// Disk images whose format only qemu-storage-daemon understands, as the launching command starts it: one
// process for all of a sandbox. It serves vhost-user devices, as our own processes do.
#pragma once

#include "sandbox/launch/helper.hpp"
#include "sandbox/launch/mounts.hpp"

#include <vector>

namespace msb {

/// Binds the sockets, so that the engine can connect from now on, and starts the process. unsupported if
/// this machine does not have the program.
Result<Helper> start_storage_daemon(const HelperStart& start,
                                    const std::vector<MountPlan::FormattedDisk>& disks);

} // namespace msb
