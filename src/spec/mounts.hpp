// Files and directories of the host that a sandbox sees.
#pragma once

#include "base/result.hpp"

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
    private_, ///< for the user alone, whatever the guest says
    mirror,   ///< as the guest says, but the owner keeps access
};
std::string_view to_string(StatVirtualization mode);
std::string_view to_string(HostPermissions mode);

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
    bool operator==(const Mount&) const = default;
};

/// Each is a device of the guest and a descriptor of the process that serves them.
inline constexpr std::size_t max_mounts = 8;

/// The name of a mount's device in the guest, and of its socket with ".sock" behind it.
std::string mount_tag(std::size_t index);
/// What the file of a share that is a single file is called there.
inline constexpr const char* shared_file_name = "file";

/// SOURCE:/GUEST[:OPTION,...] of `option` ("volume" for -v), relative sources resolved against the
/// working directory. For mount-dir and mount-file the source has to be there, and of that kind.
Result<Mount> parse_mount(std::string_view option, std::string_view text);

Status validate_mounts(const std::vector<Mount>& mounts);

/// "ro,noexec", without what is the default; empty if everything is.
std::string describe_options(const Mount& mount);

} // namespace msb
