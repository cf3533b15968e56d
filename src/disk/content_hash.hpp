// The content of a disk file as one hash (merkle.hpp says which), computed by a program of its own,
// so that nothing on the start-up path loads OpenSSL.
#pragma once

#include "disk/sparse_copy.hpp"

#include <string_view>

namespace msb::disk {

inline constexpr std::string_view content_hash_algorithm = "msb-file-merkle-sha256-v1";
inline constexpr std::uint32_t content_leaf_size = 64 << 10;

/// 64 lower-case hex digits, of the whole file.
Result<std::string> content_hash(int fd, const Watch& watch = {});

} // namespace msb::disk
