#include "spec/volume.hpp"

#include "spec/spec.hpp"

#include <algorithm>

namespace msb {

namespace {

constexpr std::size_t max_volume_name_bytes = 128;

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

} // namespace

std::string_view to_string(VolumeKind kind) {
    return kind == VolumeKind::disk ? "disk" : "dir";
}

Result<VolumeKind> parse_volume_kind(std::string_view text) {
    if (text == "dir" || text == "directory")
        return VolumeKind::directory;
    if (text == "disk")
        return VolumeKind::disk;
    return invalid("the kind of a volume is dir or disk, not '" + std::string(text) + "'");
}

std::string_view to_string(VolumeMode mode) {
    switch (mode) {
    case VolumeMode::existing: return "existing";
    case VolumeMode::create: return "create";
    case VolumeMode::ensure_exists: return "ensure-exists";
    }
    return "?";
}

std::optional<VolumeMode> parse_volume_mode(std::string_view text) {
    for (const auto mode : {VolumeMode::existing, VolumeMode::create, VolumeMode::ensure_exists})
        if (text == to_string(mode))
            return mode;
    return std::nullopt;
}

Status validate_volume_name(std::string_view name) {
    const auto may_follow = [](char c) {
        return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_';
    };
    if (name.empty())
        return invalid("a volume's name is empty");
    if (name.size() > max_volume_name_bytes)
        return invalid("a volume's name has at most 128 bytes: '" + std::string(name) + "'");
    if (!is_letter_or_digit(name.front()) || !std::ranges::all_of(name, may_follow))
        return invalid(
            "a volume's name starts with a letter or digit and has only letters, digits, "
            "dots, hyphens and underscores: '" +
            std::string(name) + "'");
    return {};
}

Status validate_volume_request(const VolumeRequest& request) {
    const bool disk = request.kind == VolumeKind::disk;
    if (request.size_mib && !disk)
        return invalid("a size needs kind=disk: directories have a quota");
    if (disk && !request.size_mib)
        return invalid("kind=disk needs a size");
    if (disk && request.quota_mib)
        return invalid("a disk has a size, not a quota");
    if (request.quota_mib == 0)
        return invalid("a quota of 0 would let nothing be written");
    if (disk && (request.size_mib < min_root_disk_mib || request.size_mib > max_root_disk_mib))
        return invalid("a disk must have 128 MiB to 16 TiB, not " +
                       std::to_string(*request.size_mib) + " MiB");
    return {};
}

} // namespace msb
