// The content of a large sparse file as one SHA-256: the root of a hash tree whose leaves are the
// file's blocks of 64 KiB, the last one padded with zeros.
//
//   leaf    SHA-256("msb-file-merkle-sha256-v1\0leaf\0", block)
//   parent  SHA-256("msb-file-merkle-sha256-v1\0parent\0", left, right)
//   root    SHA-256("msb-file-merkle-sha256-v1\0root\0", size u64, leaf size u32, height u32, top)
//
// Numbers are little-endian. The tree is filled up with leaves of zeros to a power of two, 256
// at least, and what is zero has a known hash at each height: holes cost nothing, and a hole and zeros are the same.
// Being a tree, it is computed on all CPUs.
//
// It links OpenSSL; who only wants the result runs the program (content_hash.hpp).
#pragma once

#include "disk/sparse_copy.hpp"

#include <array>

namespace msb::disk {

using Hash = std::array<std::uint8_t, 32>;

/// Of a file of `size` bytes. `corrupt` if data that should be there cannot be read.
Result<Hash> merkle_root(int fd, std::uint64_t size, unsigned threads, const Watch& watch = {});

} // namespace msb::disk
