// Scripts that came with the bootstrap document: /.msb/scripts, in front of every PATH.
#pragma once

#include "base/result.hpp"
#include "wire/bootstrap.hpp"

#include <vector>

namespace msb::agent {

/// Mounts a RAM file system at /.msb and writes the scripts there, so that each boot has exactly
/// those of its document. Does nothing if there are none.
Status install_scripts(const std::vector<wire::Script>& scripts);

} // namespace msb::agent
