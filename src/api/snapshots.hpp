// The snapshots of this MSB_HOME, and others by their paths.
#pragma once

#include "api/failure.hpp"
#include "sandbox/disk_diff.hpp"
#include "sandbox/snapshot_archive.hpp"

#include <string>
#include <vector>

namespace msb::api {

/// An error of a call about the snapshot `which`.
Failure snapshot_failure(Error error, const std::string& which);

/// snapshot_sandbox_running, sandbox_not_found, snapshot_already_exists.
Outcome<Snapshot> create_snapshot(const SnapshotRequest& request, const disk::Watch& watch);
/// By name, path or digest: snapshot_not_found, or corrupt.
Outcome<Snapshot> open_snapshot(const std::string& which);
/// Newest first. Damaged ones are left out.
Outcome<std::vector<Snapshot>> list_snapshots();
Outcome<std::vector<Snapshot>> list_snapshots_in(const std::string& directory);

struct VerifiedSnapshot {
    Snapshot snapshot;
    bool recorded = false; ///< there is a hash, and it is that of the disk
};
/// snapshot_integrity if the disk has another hash than was recorded.
Outcome<VerifiedSnapshot> verify_snapshot(const std::string& which, const disk::Watch& watch);
/// snapshot_in_use if another one came from it, unless `force`.
Outcome<void> remove_snapshot(const std::string& which, bool force);
/// How many a directory has; empty: the store.
Outcome<std::size_t> reindex_snapshots(const std::string& directory);
/// The path of the file.
Outcome<std::string> export_snapshot(const ExportRequest& request, const disk::Watch& watch);
Outcome<Snapshot> import_snapshot(const ImportRequest& request, const disk::Watch& watch);
/// What differs between the disks of two.
Outcome<std::vector<DiskChange>>
snapshot_changes(const std::string& before, const std::string& after, const disk::Watch& watch);

} // namespace msb::api
