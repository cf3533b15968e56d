// An open file as the disk that libext2fs reads. Its own channels ask the kernel more than a confined
// worker may.
#pragma once

#include <ext2fs/ext2fs.h>

namespace msb::diff {

/// Takes the descriptor's number as name; it stays the caller's. Read-only.
io_manager disk_channel();

} // namespace msb::diff
