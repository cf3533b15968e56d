// Trees of files read from, and written to, the disk of a volume that nobody has mounted. What is on it is a
// guest's, so this runs in a confined worker: every count is bounded, and nothing of it is believed.
#pragma once

#include "disk/tree_writer.hpp"
#include "tar/tar.hpp"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace msb::volume {

class VolumeTree {
  public:
    using Inode = disk::TreeWriter::Inode;

    /// For as long as `fs` is open.
    explicit VolumeTree(disk::FileSystem& fs) : fs_(fs), tree_(fs) {}

    /// What a path leads to, from the disk's root; links on the way are followed within the disk, and so is one
    /// at its end, if asked for. Nothing if there is nothing.
    Result<std::optional<Inode>> find(std::string_view path, bool follow) const;
    Result<bool> is_directory(Inode inode) const;

    /// What is at a path as an archive in which it is called `name`; "." for what is in a directory. Devices, FIFOs
    /// and sockets are errors (unsupported).
    Status pack(std::string_view path, bool follow, const std::string& name, Sink& to);
    /// Unpacks into a directory. Files and links take the place of others; directories are merged. What is made is
    /// root's, unless `owners`. Entries have to be `only`, or below it, if that is given.
    Status unpack(std::string_view directory, const std::optional<std::string>& only, bool owners,
                  Source& archive);
    /// mkdir -p
    Status make_directories(std::string_view path);

  private:
    struct Packing;
    struct Unpacking;
    Status pack_one(Packing& packing, Inode inode, const std::string& path, std::size_t depth);
    Status pack_file(Packing& packing, Inode inode, TarEntry entry);
    static Result<std::vector<std::string>> place_of(const Unpacking& unpacking,
                                                     const TarEntry& entry);
    Status unpack_one(Unpacking& unpacking, TarReader& reader, const TarEntry& entry);
    Status unpack_file(Unpacking& unpacking, TarReader& reader, Inode parent,
                       const std::string& name, const TarEntry& entry);
    Status add_name(const Unpacking& unpacking, Inode parent, const std::string& name,
                    const TarEntry& entry);
    Result<Inode> enter(Inode directory, const std::string& name);

    disk::FileSystem& fs_;
    disk::TreeWriter tree_;
};

} // namespace msb::volume
