// Makes patches on the disk of a sandbox that has never run: its writable layer over its image, as the
// guest's kernel will see the two together.
//
// What is of the image stays in the image: a directory on the way to something new appears in the
// writable layer with the mode, owner and attributes that it has in the image, and merges with it;
// what is removed is hidden. Directories on the way may be symbolic links, which lead where they
// would lead in the guest.
#pragma once

#include "disk/tree_writer.hpp"
#include "image/erofs_reader.hpp"
#include "spec/patches.hpp"
#include "tar/tar.hpp"

#include <optional>
#include <string>
#include <vector>

namespace msb::patch {

class Patcher {
  public:
    /// `corrupt` if the disk has no writable layer. `image` and `fs` have to live as long. Without an
    /// image the file system is the whole root.
    static Result<Patcher> open(disk::FileSystem& fs, const image::ErofsReader* image);

    /// `copied`, for a copy, is an archive of its source, whose first entry is the source itself.
    Status apply(const Patch& patch, Source* copied);

  private:
    using Inode = disk::TreeWriter::Inode;

    /// A place in the guest's tree, whether something is there or not.
    struct Node {
        std::optional<Inode> upper;
        std::optional<image::FileInfo> lower; ///< of the image, if it shows through
        std::uint32_t mode = 0;               ///< 0: nothing is there
        bool hidden = false; ///< the image's is not to be seen, if it has something there

        bool exists() const { return mode != 0; }
        bool is_directory() const;
        bool is_link() const;
    };
    struct Step {
        std::string name;
        Node node;
    };
    /// From the root down; the last one is what was looked for.
    using Way = std::vector<Step>;
    struct Copy;

    Patcher(disk::FileSystem& fs, const image::ErofsReader* image)
        : fs_(fs), writer_(fs), image_(image) {}

    Result<Node> root() const;
    Result<Node> child(const Node& directory, const std::string& name) const;
    Result<std::string> target(const Node& link) const;
    /// `follow`: also a link that is the last name.
    Result<Way> find(const std::string& path, bool follow) const;
    /// Makes every directory on the way but the last; returns the one that is to hold it.
    Result<Inode> make_parents(Way& way);
    Result<Inode> make_directory(Inode parent, Step& step, const disk::Attributes& like);
    /// Makes room for what is not a directory.
    Result<Inode> clear(Way& way, const Patch& patch);

    Status write_file(const Patch& patch);
    Status append(const Patch& patch);
    Status make_directory(const Patch& patch);
    Status remove(const Patch& patch);
    Status make_link(const Patch& patch);
    Status copy(const Patch& patch, Source& archive);
    Status copy_file(TarReader& archive, const TarEntry& entry, Inode parent,
                     const std::string& name, std::uint32_t mode, Inode& made);
    Status copy_below(TarReader& archive, const TarEntry& entry, Copy& copy);

    disk::FileSystem& fs_;
    disk::TreeWriter writer_;
    const image::ErofsReader* image_;
    Inode top_ = 0; ///< of the writable layer
};

} // namespace msb::patch
