// What the mounts of a sandbox are made of on the host: found, checked and held.
#pragma once

#include "sandbox/home.hpp"
#include "sandbox/launch/fsd.hpp"
#include "spec/launch.hpp"

#include <string>
#include <vector>

namespace msb {

struct MountPlan {
    /// Of each mount of the spec, in its order.
    std::vector<MountBacking> backings;
    /// What fsd serves: directories and files of the host, and directories of volumes by their paths.
    std::vector<Mount> shared;
    MountSources sources;
    /// Those that the runtime serves itself, in the order of their mounts.
    std::vector<OwnedFd> raw_disks;
    /// For a process that understands their format, in the order of their mounts.
    struct FormattedDisk {
        std::string tag;
        std::string path;
        DiskFormat format = DiskFormat::qcow2;
        bool read_only = false;
        OwnedFd fd;
    };
    std::vector<FormattedDisk> formatted_disks;
    /// On every disk, to be held as long as it is served: several may read, one alone may write.
    std::vector<OwnedFd> locks;

    /// Fails with the errno of the first source that the user, or later a jail, cannot read; busy if
    /// another sandbox has a disk.
    static Result<MountPlan> make(const Home& home, const SandboxSpec& spec);
};

/// A disk of the user's, and the lock that is held as long as a sandbox uses it. busy if another
/// sandbox does.
struct UsersDisk {
    OwnedFd file;
    OwnedFd lock;
};
Result<UsersDisk> open_users_disk(const Home& home, const std::string& path, bool read_only,
                                  DiskFormat format = DiskFormat::raw);

} // namespace msb
