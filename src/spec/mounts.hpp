// What a sandbox sees besides its root: files and directories of the host, volumes, disk images, and
// file systems in memory.
#pragma once

#include "base/result.hpp"
#include "spec/volume.hpp"

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

enum class MountKind {
    bind,  ///< a directory or file of the host
    named, ///< a volume
    owned, ///< a volume without a name, which comes and goes with the sandbox
    disk,  ///< an image of a disk, which has a file system
    tmpfs, ///< the guest's memory
};

/// How a disk image has to be read. Never found out by looking into it: a guest that writes another
/// header into a raw disk would choose which file is opened next time.
enum class DiskFormat { raw, qcow2, vmdk };
std::string_view to_string(DiskFormat format);
/// By the name's extension: raw, unless that is one of another format.
DiskFormat format_of_name(std::string_view path);

struct Mount {
    MountKind kind = MountKind::bind;
    std::string source; ///< bind and disk: an absolute path; named: the volume; else empty
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
    VolumeMode volume_mode = VolumeMode::ensure_exists; ///< named
    VolumeRequest volume;                               ///< named and owned
    DiskFormat format = DiskFormat::raw;                ///< disk
    std::string fstype;         ///< disk; empty: the guest tries those that it has
    std::uint64_t size_mib = 0; ///< tmpfs; 0: half of the guest's memory

    /// What a guest sees is a file system of the host's, by way of fsd.
    bool is_shared() const;
    bool operator==(const Mount&) const = default;
};

inline constexpr std::size_t max_mounts = 64;
/// Directories and files beyond this share their devices, each of which costs a guest some milliseconds at boot.
inline constexpr std::size_t max_mount_devices = 4;

/// Where a guest finds a directory or file of the host.
struct MountPlace {
    std::size_t device = 0; ///< one of mount_devices()
    std::string directory;  ///< in the device's file system; empty: its root
};
/// Of `shares` directories and files.
std::size_t mount_devices(std::size_t shares);
MountPlace mount_place(std::size_t index, std::size_t shares);
/// The name of a device of shares in the guest, and of its socket with ".sock" behind it.
std::string mount_tag(std::size_t device);
/// The same of the disk of a mount, which is its serial number, too.
std::string disk_tag(std::size_t index);
/// What the file of a share that is a single file is called there.
inline constexpr const char* shared_file_name = "file";

/// The value of `option`: SOURCE:/GUEST[:OPTION,...] of "volume" (-v), "mount-dir", "mount-file",
/// "mount-disk" and "mount-named"; /GUEST[:OPTION,...] of "mount-owned"; /GUEST[:SIZE][:OPTION,...] of
/// "tmpfs". Relative sources are resolved against the working directory. For mount-dir, mount-file
/// and mount-disk the source has to be there, and of that kind.
Result<Mount> parse_mount(std::string_view option, std::string_view text);

Status validate_mounts(const std::vector<Mount>& mounts);

/// What options of different names have to do with each other.
Status check_options(const Mount& mount);

/// "/srv/data", "volume data", "owned disk (1024 MiB)", "disk /d.img", "tmpfs".
std::string describe_source(const Mount& mount);
/// "(ro,noexec) [stat-virt=off]", without what is the default; empty if everything is.
std::string describe_options(const Mount& mount);

} // namespace msb
