// Where everything of one sandbox lives. Only paths.
#pragma once

#include <string>
#include <string_view>

namespace msb {

/// Paths inside one sandbox's directory.
struct SandboxFiles {
    std::string directory;
    std::string spec() const { return directory + "/spec.json"; }
    std::string state() const { return directory + "/state.json"; }
    std::string upper() const { return directory + "/upper.ext4"; }
    std::string flat_root() const { return directory + "/rootfs.raw"; }
    /// The storage of its own that is mounted at a path of the guest: a directory, or a disk.
    std::string owned(std::string_view guest, bool disk) const;
    std::string logs() const { return directory + "/logs"; }
    std::string exec_log() const { return logs() + "/exec.log"; }
    std::string runtime_log() const { return logs() + "/runtime.log"; }
    std::string kernel_log() const { return logs() + "/kernel.log"; }
    std::string network_log() const { return logs() + "/network.log"; }
    std::string boot_error() const { return logs() + "/boot-error.json"; }
};

} // namespace msb
