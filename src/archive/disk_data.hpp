// Which parts of a disk are worth carrying: found by content, so that the same disk gives the same
// answer wherever it lies and however its file system keeps holes.
#pragma once

#include "base/result.hpp"
#include "tar/tar.hpp"

#include <cstdint>
#include <vector>

namespace msb::archive {

/// Where the first `size` bytes of `disk` differ from `base` in blocks of 64 KiB, ascending; -1: from
/// zeros. A base counts as zeros behind its end.
Result<std::vector<TarExtent>> differences(int disk, int base, std::uint64_t size);

std::uint64_t sum_of(const std::vector<TarExtent>& extents);

} // namespace msb::archive
