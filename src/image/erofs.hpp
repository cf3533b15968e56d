// Writes the metadata of a read-only EROFS file system whose file data lies elsewhere on the same
// device.
#pragma once

#include "image/merge.hpp"

#include <array>

namespace msb::image {

/// Changes whenever the same layers would give other bytes.
constexpr std::uint32_t erofs_writer_version = 1;

/// The metadata blob, a multiple of 4096 bytes. The device is this blob followed by the data of all
/// layers of `tree` in order. The same tree and uuid give the same bytes. Uses the scratch members
/// of the inodes: call once per tree.
Result<Bytes> write_erofs(MergedTree& tree, const std::array<std::uint8_t, 16>& uuid);

} // namespace msb::image
