// Where what a guest writes to its root goes, and what its root is made from.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace msb {

/// What the root is made from.
enum class RootSource {
    image, ///< of a registry or an archive
    disk,  ///< a file with a file system, written to in place
};
std::string_view to_string(RootSource source);

/// Of a root that is made from an image.
struct RootDisk {
    enum class Kind {
        managed, ///< an ext4 file of msb's over the image, which is read-only
        tmpfs,   ///< memory of the guest over the image: gone at each stop
        flat,    ///< an ext4 file of msb's that holds the image's files, too
        image,   ///< a file of the user's over the image
    };
    /// How a flat one gets its copy of the image's files.
    enum class Clone { automatic, copy, reflink };

    Kind kind = Kind::managed;
    /// Managed, flat: min_root_disk_mib to max_root_disk_mib; 0 of a flat one: what the image needs, or
    /// as a managed one. Memory: 0 is half of the guest's. A file of the user's has its own size.
    std::uint64_t size_mib = 4096;
    std::string path;   ///< of a file of the user's; absolute
    std::string fstype; ///< the file system in it
    Clone clone = Clone::automatic;

    /// Whether msb keeps it in a file of its own, which snapshots copy and modify grows.
    bool owned() const { return kind == Kind::managed || kind == Kind::flat; }
    bool operator==(const RootDisk&) const = default;
};
std::string_view to_string(RootDisk::Kind kind);
std::string_view to_string(RootDisk::Clone clone);

inline constexpr std::uint64_t min_root_disk_mib = 128;
inline constexpr std::uint64_t max_root_disk_mib = std::uint64_t{16} << 20;

/// Whether an image that is asked for is a path of the host.
bool is_root_path(std::string_view image);

/// PATH[:fstype=TYPE] in the place of an image: a disk image, or a directory. It has to be there.
struct RootPath {
    std::string path; ///< absolute
    std::string fstype;
    bool directory = false; ///< what is in it is the image
};
Result<RootPath> parse_root_path(std::string_view text);

/// SIZE | tmpfs[:SIZE] | flat[:SIZE,fstype=ext4][,clone=auto|copy|reflink] |
/// PATH[:format=raw][,fstype=TYPE]. A path begins with '.', '/' or '~', or has a '/'.
Result<RootDisk> parse_root_disk(std::string_view text);
Status validate_root_disk(const RootDisk& disk, std::uint64_t memory_mib);
/// "8192 MiB (flat, ext4)"
std::string describe(const RootDisk& disk);

} // namespace msb
