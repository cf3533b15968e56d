// What differs between two sandboxes' disks, or between one and its image.
#pragma once

#include "diff/upper.hpp"

#include <optional>
#include <string>
#include <vector>

namespace msb::diff {

struct Change {
    enum class Kind { added, changed, removed };
    std::string path;
    Kind kind = Kind::changed;
    char type = 'f';                          ///< f(ile), d(irectory), l(ink), or another
    std::optional<std::uint64_t> size_before; ///< of files, where it is known
    std::optional<std::uint64_t> size_after;
};

/// By path. A null `before` is the image: what was copied from it counts as changed, directories only
/// if they are new. limit_exceeded beyond max_changes.
Result<std::vector<Change>> compare(const Upper* before, const Upper& after);

inline constexpr std::size_t max_changes = 100'000;

} // namespace msb::diff
