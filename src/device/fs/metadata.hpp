// Owner, mode and device number as the guest sees them, kept in an extended attribute of the host
// file, whose own owner and mode stay those of the user who runs the sandbox.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>

namespace msb::device {

struct Metadata {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t mode = 0; ///< with the type
    std::uint32_t rdev = 0; ///< as FUSE has it: minor bits 0-7 and 20-31, major bits 8-19
    /// Permissions of the host file when this was written: if it has others, the host has changed
    /// them since. None: whoever wrote it did not say.
    std::optional<mode_t> host_mode = {};
};

/// Reads the record of the file at `path` (a name in /proc/self/fd). Nothing if there is none, or
/// if it does not fit a file of `type`.
std::optional<Metadata> load_metadata(const std::string& path, mode_t type);
/// 0 or errno.
int store_metadata(const std::string& path, const Metadata& metadata);
/// Whether this errno means that the file cannot have a record, rather than that something failed.
bool has_no_metadata(int error);

/// Whether `mode` is that of a FIFO, socket or device; a guest's files are those by their metadata
/// only.
bool is_special(std::uint32_t mode);

} // namespace msb::device
