// What programs do with the files of a directory volume, without a guest. Paths are from its root, and links
// that guests have made lead within it, also when they are changed meanwhile. A disk has its own file
// system, which only archives go into and out of (VolumeFiles).
#pragma once

#include "base/bytes.hpp"
#include "sandbox/volumes/files.hpp"

#include <string>
#include <sys/stat.h>
#include <vector>

namespace msb {

class VolumeFileSystem {
  public:
    /// unsupported: it is a disk.
    static Result<VolumeFileSystem> open(const Home& home, const std::string& name);

    /// limit_exceeded if it is larger.
    Result<Bytes> read(const std::string& path, std::size_t most) const;
    /// Makes or replaces a file, with the directories that are missing: whoever opens it sees the old or
    /// the new content.
    Status write(const std::string& path, BytesView data) const;
    /// Of a link itself.
    Result<struct stat> stat(const std::string& path) const;
    struct Entry {
        std::string name;
        struct stat info;
    };
    /// Sorted by name. limit_exceeded beyond a million.
    Result<std::vector<Entry>> list(const std::string& path) const;
    /// With the parents that are missing.
    Status make_directory(const std::string& path) const;
    /// A file, or a directory: an empty one, or with what is in it. Not the volume's root.
    Status remove(const std::string& path, bool recursive) const;
    /// A single file.
    Status copy(const std::string& from, const std::string& to) const;
    Status rename(const std::string& from, const std::string& to) const;

  private:
    explicit VolumeFileSystem(VolumeFiles files) : files_(std::move(files)) {}
    /// The directory that has a path's last name, which is not followed.
    struct Place {
        OwnedFd directory;
        std::string name;
    };
    Result<Place> place_of(const std::string& path, bool make_parents = false) const;
    Result<OwnedFd> open_file(const std::string& path, struct stat& info) const;

    VolumeFiles files_;
};

} // namespace msb
