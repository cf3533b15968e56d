// Named volumes: storage that outlives the sandboxes that mount it.
//
// $MSB_HOME/volumes/<name>/ is the volume: what guests see of a directory, or the file disk.raw of a
// disk. What a guest cannot be trusted to leave alone is beside it, in .meta/<name>.json, written
// before the directory gets its place and removed after it has gone: a record alone is nothing, and a
// directory without one is a plain directory volume (somebody has put it there).
//
// .locks/<name>.lock is flock'ed: shared by every runtime whose sandbox mounts the volume, for as long
// as it lives, and exclusively by whoever makes, clones or removes it. Never deleted.
#pragma once

#include "base/fd.hpp"
#include "disk/sparse_copy.hpp"
#include "sandbox/home.hpp"
#include "spec/volume.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace msb {

struct Volume {
    std::string name;
    VolumeKind kind = VolumeKind::directory;
    std::optional<std::uint64_t> quota_mib; ///< of a directory
    std::uint64_t size_bytes = 0;           ///< of a disk
    std::map<std::string, std::string> labels;
    std::int64_t created_at_ns = 0;
    std::string directory;

    std::string disk() const { return directory + "/disk.raw"; }
    /// What guests see of it: the directory, or the disk.
    std::string path() const { return kind == VolumeKind::disk ? disk() : directory; }
    /// Whether it is as it was asked for; the error says what is not.
    Status check(const VolumeRequest& wanted) const;
};

class Volumes {
  public:
    explicit Volumes(const Home& home) : home_(home) {}

    /// already_exists if there is one of this name.
    Result<Volume> create(const std::string& name, const VolumeRequest& request);
    /// not_found, or corrupt.
    Result<Volume> open(const std::string& name) const;
    /// Newest first.
    Result<std::vector<Volume>> list();
    /// What is wrong with those that the last list left out.
    const std::vector<Error>& damaged() const { return damaged_; }
    /// busy while a sandbox that runs has it mounted.
    Status remove(const std::string& name);
    /// A new one with what is in `from`, which no sandbox may have mounted meanwhile. The labels are
    /// `labels`.
    Result<Volume> clone(const std::string& from, const std::string& to,
                         const std::map<std::string, std::string>& labels,
                         const disk::Watch& watch);
    /// Bytes of the host's disk that it takes.
    static Result<std::uint64_t> used_bytes(const Volume& volume);

    enum class Lock { shared, exclusive };
    /// busy if others hold it in a way that excludes this one for longer than `wait`.
    Result<OwnedFd> lock(const std::string& name, Lock kind, std::chrono::milliseconds wait) const;
    /// The same as create() and remove(), for who holds the lock exclusively.
    Result<Volume> create_locked(const std::string& name, const VolumeRequest& request);
    Status remove_locked(const std::string& name);

  private:
    std::string record_path(const std::string& name) const;
    Status write_record(const Volume& volume) const;
    Result<Volume> publish(Volume volume, const std::function<Status(const Volume& staged)>& fill);

    Home home_;
    std::vector<Error> damaged_;
};

} // namespace msb
