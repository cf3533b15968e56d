// Files and directories of the host, in the guest's tree.
#pragma once

#include "base/result.hpp"
#include "wire/bootstrap.hpp"

namespace msb::agent {

/// Mounts parents before children and makes the mount points. The whole plan is checked before the
/// first mount.
Status mount_shares(const wire::Bootstrap& bootstrap);

} // namespace msb::agent
