// Extended attributes that mean something to this program itself.
#pragma once

#include <string_view>

namespace msb {

/// Where a share keeps the owner, mode and device number that its guest gave a file (device/fs).
/// Whoever can write one makes set-user-id files and device nodes for the next guest that the
/// directory is shared with: so they come from no archive, no image and no guest.
constexpr std::string_view own_xattr_prefix = "user.msb.";

} // namespace msb
