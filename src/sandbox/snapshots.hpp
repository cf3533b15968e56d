// Snapshots: the disks of sandboxes, kept.
//
// A snapshot is a directory with a descriptor (spec/snapshot_manifest.hpp) and its files. It never
// changes, and it is whole wherever it is copied or moved to. $MSB_HOME/snapshots is where those are
// that have no path of their own; the catalogue only remembers where others lie, and is not asked
// whether something is true.
#pragma once

#include "disk/sparse_copy.hpp"
#include "sandbox/catalogue.hpp"
#include "sandbox/sandboxes.hpp"
#include "sandbox/staging.hpp"
#include "spec/snapshot_manifest.hpp"

#include <map>
#include <string>
#include <vector>

namespace msb {

struct Snapshot {
    SnapshotManifest manifest;
    std::string digest;
    std::string directory; ///< absolute

    std::string name() const { return directory.substr(directory.rfind('/') + 1); }
    std::string disk() const { return directory + "/" + manifest.upper_file; }
    std::string path_of(const SnapshotPayload& payload) const {
        return directory + "/" + payload.file;
    }
};

struct SnapshotRequest {
    std::string sandbox;
    std::string name;      ///< or a path
    std::string directory; ///< that a name is to be in; empty: that of the store
    std::map<std::string, std::string> labels;
    bool force = false;     ///< takes the place of a snapshot that is there
    bool integrity = false; ///< records a hash of the disk
    /// One that runs may stand still for as long as copying takes.
    bool copy_while_frozen = false;
};

class Snapshots {
  public:
    explicit Snapshots(const Home& home) : home_(home), catalogue_(home) {}

    /// One that runs is frozen for the copy: busy if that would take more than a moment, unless it was
    /// asked for. A process that is killed meanwhile leaves nothing that the next one does not
    /// remove. `watch` sees the copy and then the hash.
    Result<Snapshot> create(Sandboxes& sandboxes, const SnapshotRequest& request,
                            const disk::Watch& watch);
    /// By name, path or digest. Reads the descriptor, and of the disk only its size; not_found or
    /// corrupt.
    Result<Snapshot> open(const std::string& which);
    /// All in the store, and all others that were made or opened and still are; newest first.
    Result<std::vector<Snapshot>> list();
    /// The same of one directory; nothing is remembered.
    std::vector<Snapshot> list_directory(const std::string& directory);
    /// What is wrong with those that the last list left out.
    const std::vector<Error>& damaged() const { return damaged_; }

    /// Computes the hashes of the files again: corrupt if one is another. False if not all were
    /// recorded, unsupported if they are not of a kind that we know.
    Result<bool> verify(const Snapshot& snapshot, const disk::Watch& watch) const;
    /// busy if another one has it as parent, unless `force`.
    Status remove(const std::string& which, bool force);
    /// Makes what the catalogue knows of a directory what is in it; empty: the store. Returns their
    /// number.
    Result<std::size_t> reindex(const std::string& directory);

    const Home& home() const { return home_; }
    /// Where a new one goes that has this name, or path; `parent` is empty for the store.
    /// already_exists if something is there, unless `force` and it is a snapshot.
    Result<std::string> place_for(const std::string& name_or_path, const std::string& parent,
                                  bool force) const;
    /// Gives files that are whole, durable and in a staging directory their descriptor and their place.
    Status publish(Staging& staging, const SnapshotManifest& manifest, const std::string& directory,
                   bool replace);

  private:
    Result<std::string> directory_of(const std::string& name_or_path,
                                     const std::string& parent) const;
    Result<Snapshot> load(const std::string& directory) const;
    /// What has this name or path; a name that there is not may be meant to be another one.
    Result<Snapshot> find(const std::string& name_or_path) const;
    void add_usable(std::vector<Snapshot>& to, const std::string& directory);

    Home home_;
    LazyCatalogue catalogue_;
    std::vector<Error> damaged_;
};

/// A name is looked up in the store, anything else is a path.
bool is_snapshot_path(std::string_view text);

} // namespace msb
