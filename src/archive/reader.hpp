// Reads a snapshot archive, from anybody: runs in a confined worker.
#pragma once

#include "archive/inventory.hpp"
#include "tar/source.hpp"

#include <atomic>

namespace msb::archive {

/// Where a member's data goes.
struct Output {
    int file = -1; ///< -1: nowhere
    /// The file has content already, which the member changes; otherwise it is empty.
    bool changes = false;
};

struct Outputs {
    std::vector<Output> files; ///< one for each file of each snapshot
    struct Layer {
        int index = -1;
        int data = -1;
    };
    std::vector<Layer> layers; ///< one for each layer of the image
};

/// Checksums of the layers, as the archive has them: `index` and `data`.
struct LayerChecksums {
    std::string index;
    std::string data;
};

/// The first member of the archive, which may be compressed.
Result<Inventory> read_inventory(Source& stream);

/// All of the archive, whose first member has to be `inventory` again. Every file has its size and
/// content afterwards, or there is an error; `done` advances by the bytes that were read.
Result<std::vector<LayerChecksums>> unpack(Source& stream, const Inventory& inventory,
                                           const Outputs& outputs,
                                           std::atomic<std::uint64_t>* done);

} // namespace msb::archive
