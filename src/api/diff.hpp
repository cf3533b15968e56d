// What differs between disks of sandboxes and snapshots.
#pragma once

#include "api/launcher.hpp"
#include "json/value.hpp"
#include "sandbox/disk_diff.hpp"

#include <string>
#include <vector>

namespace msb {

/// What a sandbox has changed, against the snapshot that it began with, or else its image. busy if it
/// runs.
Result<std::vector<DiskChange>> diff_sandbox(Launcher& launcher, const std::string& name,
                                             const disk::Watch& watch);
/// Each by name, path or digest.
Result<std::vector<DiskChange>> diff_snapshots(Launcher& launcher, const std::string& before,
                                               const std::string& after, const disk::Watch& watch);

/// [{path, change, type, size_before, size_after}]
json::Value changes_document(const std::vector<DiskChange>& changes);

} // namespace msb
