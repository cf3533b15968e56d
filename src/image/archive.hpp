// Image archives: docker-archive tars (manifest.json, as `docker save` and skopeo write them) and
// OCI image layouts in a tar (oci-layout, index.json, blobs/).
#pragma once

#include "image/document.hpp"
#include "image/stream.hpp"

namespace msb::image {

/// Whether the file is an uncompressed tar that can be read in place (or damaged: that is found
/// later). False: it has to be unpacked first.
Result<bool> is_plain_tar(int fd);

/// Largest size of a compressed archive, or one from a pipe; workers cannot write a larger file.
constexpr std::uint64_t max_spooled_archive = std::uint64_t{64} << 30;

/// Undoes compression and stores what comes from a pipe: copies `input` to the new file `output`,
/// and stops when that has `limit` bytes or a few more.
Status spool_archive(Source& input, int output, std::uint64_t limit);

/// Reads what the archive holds, from a plain tar in a seekable file of `size` bytes: for each
/// image for `platform` its plan, with the names the archive gives (perhaps none), or what is wrong
/// with it. Digests of documents are verified here, those of layers when they are taken in. Runs
/// in a confined worker.
Result<std::vector<Result<ImagePlan>>> read_archive(int fd, std::uint64_t size,
                                                    const Platform& platform);

} // namespace msb::image
