// Formatting ext4, with libext2fs. Linked by the mkext4 program only.
#pragma once

#include "base/result.hpp"
#include "disk/ext4_options.hpp"

#include <string>

namespace msb::disk {

/// Makes an ext4 file system in the new file `path`. What is zero is left as holes, and every group is marked as initialised, so that the guest's kernel
/// has nothing to do in the background after mounting.
Status format_disk(const std::string& path, const Ext4Options& options);

} // namespace msb::disk
