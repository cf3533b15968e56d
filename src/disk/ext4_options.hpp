// What a disk is to be: what both who wants one and the program that formats it know.
#pragma once

#include <cstdint>

namespace msb::disk {

constexpr std::uint64_t default_size = std::uint64_t{4096} << 20; ///< Bytes: 4 GiB.
constexpr std::uint64_t min_size = std::uint64_t{128} << 20;      ///< Smallest that is useful.
constexpr std::uint64_t max_size = std::uint64_t{16} << 40;       ///< Block numbers fit 32 bits.

struct Ext4Options {
    std::uint64_t size = default_size; ///< Bytes; rounded down to 4096.
    /// A 64 MiB journal: the disk survives a crash of the guest. Leave out for disks that are
    /// thrown away with their sandbox.
    bool journal = true;
    /// The empty directories "upper" and "work", for an overlay.
    bool overlay = true;
    std::uint64_t inodes = 0; ///< at least; 0: as many as a disk of this size usually has
};

} // namespace msb::disk
