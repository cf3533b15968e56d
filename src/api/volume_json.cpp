#include "api/volume_json.hpp"

#include "base/time.hpp"

namespace msb {

json::Value volume_document(const Volume& volume) {
    const bool disk = volume.kind == VolumeKind::disk;
    const auto of_disk = [disk](json::Value value) {
        return disk ? std::move(value) : json::Value();
    };
    const auto used = Volumes::used_bytes(volume);
    return {{"name", volume.name},
            {"kind", disk ? "disk" : "directory"},
            {"path", volume.directory},
            {"quota_mib", volume.quota_mib},
            {"used_bytes", used ? json::Value(*used) : json::Value()},
            {"capacity_bytes", of_disk(volume.size_bytes)},
            {"disk_format", of_disk("raw")},
            {"disk_fstype", of_disk("ext4")},
            {"disk_path", of_disk(volume.disk())},
            {"labels", volume.labels},
            {"created_at", format_rfc3339(volume.created_at_ns, 3)}};
}

} // namespace msb
