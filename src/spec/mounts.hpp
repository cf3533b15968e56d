// Files and directories of the host that a sandbox sees.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msb {

/// Who owns files and what their modes are, for the guest.
enum class StatVirtualization {
    strict,  ///< kept beside each file; where that is impossible, as the host has it
    relaxed, ///< the same here: strict does not refuse file systems
    off,     ///< as the host has it
};
enum class HostPermissions {
    private_, ///< for the user alone; of the guest's modes only whether a file is executable
    mirror,   ///< as the guest says, but the owner keeps access
};
/// What the guest may answer from memory (docs/mounts.md).
enum class MountCache {
    strict, ///< what the host did is seen by the next open or look-up
    cached, ///< a second later
};
std::string_view to_string(StatVirtualization mode);
std::string_view to_string(HostPermissions mode);
std::string_view to_string(MountCache mode);

/// Of a mount that says nothing about it: what a guest may add to a directory.
inline constexpr std::uint64_t default_quota_mib = 4096;
inline constexpr std::uint64_t default_quota_inodes = std::uint64_t{1} << 20;

/// How much a guest may add to what is shared: the growth of the files' sizes, and files. 0: as
/// much as there is room for.
struct MountQuota {
    std::optional<std::uint64_t> mib;
    std::optional<std::uint64_t> inodes;
    bool operator==(const MountQuota&) const = default;
};

/// Whose the user's files are in the guest, instead of its default user's.
struct MountOwner {
    static constexpr std::uint32_t none = 0xffffffff; ///< nobody's number
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    bool operator==(const MountOwner&) const = default;
};

struct Mount {
    std::string source; ///< absolute
    std::string guest;  ///< absolute and normal
    bool read_only = false;
    bool noexec = false;
    bool nosuid = false;
    bool nodev = false;
    bool follow_root_symlinks = false; ///< `source` may lead through symbolic links
    StatVirtualization stat_virtualization = StatVirtualization::strict;
    HostPermissions host_permissions = HostPermissions::private_;
    MountCache cache = MountCache::strict;
    MountQuota quota;
    std::optional<MountOwner> owner;
    bool operator==(const Mount&) const = default;
};

inline constexpr std::size_t max_mounts = 64;
/// Mounts beyond this share their devices, each of which costs a guest some milliseconds at boot.
inline constexpr std::size_t max_mount_devices = 4;

/// Where a guest finds a mount.
struct MountPlace {
    std::size_t device = 0; ///< one of mount_devices()
    std::string directory;  ///< in the device's file system; empty: its root
};
std::size_t mount_devices(std::size_t mounts);
MountPlace mount_place(std::size_t index, std::size_t mounts);
/// The name of a device of mounts in the guest, and of its socket with ".sock" behind it.
std::string mount_tag(std::size_t device);
/// What the file of a share that is a single file is called there.
inline constexpr const char* shared_file_name = "file";

/// SOURCE:/GUEST[:OPTION,...] of `option` ("volume" for -v), relative sources resolved against the
/// working directory. For mount-dir and mount-file the source has to be there, and of that kind.
Result<Mount> parse_mount(std::string_view option, std::string_view text);

Status validate_mounts(const std::vector<Mount>& mounts);

/// What options of different names have to do with each other.
Status check_options(const Mount& mount);

/// "ro,noexec", without what is the default; empty if everything is.
std::string describe_options(const Mount& mount);

} // namespace msb
