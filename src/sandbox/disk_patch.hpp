// Changing the disk of a sandbox before it runs. The program `patch` does it.
#pragma once

#include "disk/sparse_copy.hpp"
#include "image/image.hpp"
#include "spec/patches.hpp"

#include <string>
#include <vector>

namespace msb {

/// `disk` is one that was made for `image` and never used; `flat`: it has the image's files itself.
/// After an error it is of no use. `watch` is told the bytes that were copied so far; the total is not
/// known. `durable`: it is on storage when this returns.
Status patch_disk(const std::string& disk, const image::Image& image,
                  const std::vector<Patch>& patches, bool flat, bool durable,
                  const disk::Watch& watch);

/// Where flat disks of images are kept; one that is removed is made again.
std::string flat_directory(const std::string& home);
/// The file with all of an image's files as one file system, which is made at the first call. Roots
/// are copies of it, and at least as large.
Result<std::string> flat_image(const std::string& home, const image::Image& image,
                               const disk::Watch& watch);

/// A file of YAML or JSON: a list of patches, or a document with one in `patches`, and in
/// `patch_files` names of files whose patches come first. Relative paths are below its directory.
Result<std::vector<Patch>> read_patch_file(const std::string& path);

} // namespace msb
