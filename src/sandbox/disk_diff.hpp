// What differs between the disks of sandboxes and snapshots. The program `diff` reads them.
#pragma once

#include "disk/sparse_copy.hpp"
#include "image/image.hpp"

#include <optional>
#include <string>
#include <vector>

namespace msb {

struct DiskChange {
    std::string path; ///< in the guest; of any bytes but those of UTF-8 it is only similar
    std::string kind; ///< "added", "changed", "removed"
    char type = 'f';  ///< f(ile), d(irectory), l(ink), or another
    std::optional<std::uint64_t> size_before; ///< of files, where it is known
    std::optional<std::uint64_t> size_after;
};

// By path. Nobody may write to a disk meanwhile.
Result<std::vector<DiskChange>> diff_disks(const std::string& before, const std::string& after,
                                           const disk::Watch& watch);
/// The disk of a sandbox that was made from `before`.
Result<std::vector<DiskChange>> diff_with_image(const image::Image& before,
                                                const std::string& after, const disk::Watch& watch);

} // namespace msb
