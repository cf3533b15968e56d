// An image as one ext4 file system, for sandboxes whose root is not an overlay.
#pragma once

#include "disk/tree_writer.hpp"
#include "image/erofs_reader.hpp"

#include <vector>

namespace msb::patch {

struct FlatSize {
    std::uint64_t bytes = 0; ///< of a disk with some room left
    std::uint64_t inodes = 0;
};
/// What the files of an image need.
FlatSize size_of(const std::vector<image::FileInfo>& files);

/// Copies all of them, with owners, modes, times, attributes and names, into an empty file system.
Status flatten(disk::FileSystem& fs, const image::ErofsReader& image,
               const std::vector<image::FileInfo>& files);

/// The data of a file of the image.
Status copy_data(disk::FileSystem& fs, const image::ErofsReader& image, const image::FileInfo& file,
                 disk::TreeWriter::Inode into);
disk::Attributes attributes_of(const image::FileInfo& file);

} // namespace msb::patch
