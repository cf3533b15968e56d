// One layer: compressed tar in, file contents and index out.
//
// Three steps, each in a confined worker of its own, joined by pipes:
//   unpack_layer   undoes the compression                   reads what a stranger chose
//   digest_stream  hashes what goes from one to the other   reads nothing, so nothing fools it
//   ingest_layer   tar in, contents and index out           reads what a stranger chose
// The digest of the uncompressed layer is its name in the cache, which other images share: it is
// the digest of exactly the bytes that the tar reader got, even if these have taken a reader over.
#pragma once

#include "image/stream.hpp"

namespace msb::image {

struct UnpackedLayer {
    Digest digest; ///< Of what was read; empty if nobody asked.
    std::uint64_t size = 0;
};
/// Writes the uncompressed `input` to `output`, a pipe. `counter` counts the bytes read. If the
/// pipe's reader has ended that is no error here: the reader reports the reason.
Result<UnpackedLayer> unpack_layer(Source& input, int output, bool digest,
                                   std::atomic<std::uint64_t>* counter = nullptr);

/// Passes everything on from one pipe to the other.
Result<Digest> digest_stream(int input, int output);

struct IngestResult {
    std::uint64_t data_size = 0; ///< Bytes; multiple of 4096.
    std::uint64_t index_size = 0;
    std::uint32_t entries = 0;
};
/// Reads an uncompressed layer to its end. `data_fd` and `index_fd` are empty writable files.
Result<IngestResult> ingest_layer(Source& input, int data_fd, int index_fd);

} // namespace msb::image
