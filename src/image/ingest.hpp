// One layer: compressed tar in, file contents and index out. Runs in a confined worker, so it is
// given descriptors and returns plain values.
#pragma once

#include "image/stream.hpp"

namespace msb::image {

struct IngestResult {
    Digest blob_digest; ///< Of what was read.
    Digest diff_id;     ///< Of what it decompressed to.
    std::uint64_t blob_size = 0;
    std::uint64_t data_size = 0; ///< Bytes; multiple of 4096.
    std::uint64_t index_size = 0;
    std::uint32_t entries = 0;
};

/// Reads `input` to its end. `data_fd` and `index_fd` are empty writable files. `counter` follows
/// the compressed bytes read. The caller compares the digests with what it expects.
Result<IngestResult> ingest_layer(Source& input, int data_fd, int index_fd,
                                  std::atomic<std::uint64_t>* counter = nullptr);

} // namespace msb::image
