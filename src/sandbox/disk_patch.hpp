// Changing the disk of a sandbox before it runs. The program `patch` does it.
#pragma once

#include "disk/sparse_copy.hpp"
#include "image/image.hpp"
#include "spec/patches.hpp"

#include <string>
#include <vector>

namespace msb {

/// `disk` is one that was made for `image` and never used. After an error it is of no use. `watch` is
/// told the bytes that were copied so far; the total is not known. `durable`: it is on storage when
/// this returns.
Status patch_disk(const std::string& disk, const image::Image& image,
                  const std::vector<Patch>& patches, bool durable, const disk::Watch& watch);

/// A file of YAML or JSON: a list of patches, or a document with one in `patches`, and in
/// `patch_files` names of files whose patches come first. Relative paths are below its directory.
Result<std::vector<Patch>> read_patch_file(const std::string& path);

} // namespace msb
