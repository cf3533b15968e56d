// /.msb, which is ours in every guest, and the scripts that came with the bootstrap document:
// /.msb/scripts, in front of every PATH.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "wire/bootstrap.hpp"

#include <vector>

namespace msb::agent {

/// Mounts a RAM file system at /.msb: each boot begins with an empty one.
Result<OwnedFd> make_own_directory();
/// Writes the scripts there. Does nothing if there are none.
Status install_scripts(const std::vector<wire::Script>& scripts);

} // namespace msb::agent
