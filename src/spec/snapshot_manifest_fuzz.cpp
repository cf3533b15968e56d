// Descriptors of snapshots that come from anywhere: what is accepted is written as it was read.
#include "spec/snapshot_manifest.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto manifest = msb::SnapshotManifest::from_json(text))
        if (manifest->to_json() != text)
            std::abort();
    return 0;
}
