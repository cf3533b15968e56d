// Files in volumes, for commands on the host. Paths are as in a guest that has the volume as its root: links, which
// guests have made, lead within it.
#pragma once

#include "disk/sparse_copy.hpp"
#include "sandbox/volumes/volumes.hpp"
#include "tar/pack.hpp"

#include <optional>
#include <string>

namespace msb {

class VolumeFiles {
  public:
    enum class Access { read, write };
    /// busy if a sandbox has the disk in a way that excludes this. A directory can be had at any time.
    static Result<VolumeFiles> open(const Home& home, const std::string& name, Access access);

    const Volume& volume() const { return volume_; }
    /// None if there is nothing.
    Result<std::optional<bool>> is_directory(const std::string& path) const;
    /// Writes an archive of what is at a path, as pack_tree() does. Waits for whoever reads it.
    Status pack(const std::string& path, PackOptions options, int to) const;
    /// Of a directory volume: an open directory of it, which is made if it is missing and `make`.
    Result<OwnedFd> open_directory(const std::string& path, bool make) const;

    struct Unpacking {
        std::string directory;
        std::optional<std::string> only; ///< as in ExtractOptions
        bool owners = false;
        bool make_directory = false;
    };
    /// Of a directory volume: opens what is at a path. Links lead within the volume.
    Result<OwnedFd> open_within(const std::string& path, int flags, mode_t mode = 0) const;

    /// Of a disk: unpacks an archive. All of it is there afterwards, or nothing.
    Status unpack(const Unpacking& request, int from, const disk::Watch& watch) const;

  private:
    VolumeFiles(Volume volume, OwnedFd lock) : volume_(std::move(volume)), lock_(std::move(lock)) {}
    bool is_disk() const { return volume_.kind == VolumeKind::disk; }
    Volume volume_;
    OwnedFd lock_;      ///< of the name
    OwnedFd disk_;      ///< while it is read
    OwnedFd disk_lock_; ///< likewise
    OwnedFd top_;       ///< of a directory
};

} // namespace msb
