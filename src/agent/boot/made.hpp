// Files and directories of the root that are ours and not the guest's.
#pragma once

#include "base/result.hpp"

#include <string>

namespace msb::agent {

/// Notes that what is open is as we made it (base/made_mark.hpp). Where it cannot be noted it counts as the
/// guest's.
void mark_made(int fd);
/// make_directories(), and marks those that were missing.
Status make_own_directories(const std::string& path);

} // namespace msb::agent
