// What differs between two sandboxes' disks, or between one and its image.
#pragma once

#include "diff/upper.hpp"
#include "image/erofs_reader.hpp"

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

/// By path; what the agent made and nobody has changed is left out. limit_exceeded beyond max_changes.
Result<std::vector<Change>> compare(const Upper& before, const Upper& after);
/// The same against the image that the disk was made for. What is gone with a directory is not listed.
Result<std::vector<Change>> compare(const image::ErofsReader& before, const Upper& after);

inline constexpr std::size_t max_changes = 100'000;

} // namespace msb::diff
