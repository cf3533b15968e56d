// Volumes: storage of msb's own that a sandbox mounts.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace msb {

enum class VolumeKind {
    directory, ///< of the host, shared
    disk,      ///< an ext4 file system in a file
};
/// "dir", "disk"
std::string_view to_string(VolumeKind kind);
/// "dir", "directory" or "disk".
Result<VolumeKind> parse_volume_kind(std::string_view text);

/// What a volume that is made is like, and one that is there has to be like. What is not said fits any
/// volume, and is a directory, without bounds, if it has to be made.
struct VolumeRequest {
    std::optional<VolumeKind> kind;
    std::optional<std::uint64_t> size_mib;  ///< of a disk
    std::optional<std::uint64_t> quota_mib; ///< of a directory: what guests may add
    std::map<std::string, std::string> labels;
    bool operator==(const VolumeRequest&) const = default;
};

/// What becomes of a named volume when the sandbox that wants it is made.
enum class VolumeMode {
    existing,      ///< it has to be there
    create,        ///< it must not be there
    ensure_exists, ///< it is made if it is not there
};
std::string_view to_string(VolumeMode mode);
std::optional<VolumeMode> parse_volume_mode(std::string_view text);

/// A letter or digit; then also '.', '-' and '_'; at most 128 bytes.
Status validate_volume_name(std::string_view name);
/// A size with disks only, and a quota with directories only.
Status validate_volume_request(const VolumeRequest& request);

} // namespace msb
