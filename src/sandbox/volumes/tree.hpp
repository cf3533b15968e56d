// Directories that guests have filled: copied and measured, without following what they put there.
#pragma once

#include "disk/sparse_copy.hpp"

#include <string>

namespace msb {

/// Makes `to`, an empty directory, equal to `from`, with owners, modes, times, extended attributes, hard
/// links and holes. Device nodes and sockets are errors (unsupported), and so are trees that are nested
/// deeper than 256 directories. `watch` sees the bytes of files.
Status copy_tree(const std::string& from, const std::string& to, const disk::Watch& watch);

/// Bytes of the disk that everything below a directory takes; what has two names counts once.
Result<std::uint64_t> tree_bytes(const std::string& directory);

} // namespace msb
