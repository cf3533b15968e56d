#include "api/snapshot_json.hpp"

namespace msb {

json::Value snapshot_summary(const Snapshot& snapshot) {
    const SnapshotManifest& manifest = snapshot.manifest;
    return {{"digest", snapshot.digest},
            {"name", snapshot.name()},
            {"parent_digest", manifest.parent},
            {"scope", "disk"},
            {"state_kind", "file"},
            {"image_ref", manifest.image},
            {"format", "raw"},
            {"fstype", manifest.fstype},
            {"size_bytes", manifest.upper_size},
            {"created_at", manifest.created_at},
            {"artifact_path", snapshot.directory}};
}

json::Value snapshot_details(const Snapshot& snapshot) {
    const SnapshotManifest& manifest = snapshot.manifest;
    json::Value document = snapshot_summary(snapshot);
    document["image_manifest_digest"] = manifest.image_digest;
    document["upper_file"] = manifest.upper_file;
    document["integrity"] = nullptr;
    if (const auto& integrity = manifest.integrity)
        document["integrity"] = {{"algorithm", integrity->algorithm},
                                 {"root", integrity->root},
                                 {"logical_size", integrity->logical_size},
                                 {"leaf_size", integrity->leaf_size}};
    document["source_sandbox"] = manifest.source_sandbox;
    document["labels"] = manifest.labels;
    document["extensions"] = manifest.extensions;
    document["requires"] = manifest.required;
    return document;
}

} // namespace msb
