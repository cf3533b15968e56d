// Any bytes as a snapshot archive: what is accepted as an inventory is written as it is read again,
// and unpacking writes no byte behind a disk's end.
#include "archive/reader.hpp"
#include "base/system.hpp"
#include "image/stream.hpp"

#include <cstdlib>

using namespace msb;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    image::MemorySource first({data, size});
    const auto inventory = archive::read_inventory(first);
    if (!inventory)
        return 0;
    if (archive::Inventory::from_json(inventory->to_json()) != *inventory)
        std::abort();
    std::vector<OwnedFd> files;
    archive::Outputs outputs;
    for (const auto& item : inventory->snapshots) {
        files.push_back(sys::memfd("disk").value());
        outputs.files.push_back({files.back().get(), item.changes.has_value()});
    }
    if (inventory->image)
        outputs.layers.resize(inventory->image->layers.size());
    image::MemorySource second({data, size});
    (void)archive::unpack(second, *inventory, outputs, nullptr);
    for (std::size_t i = 0; i < files.size(); ++i)
        if (static_cast<std::uint64_t>(sys::fstat(files[i].get())->st_size) >
            inventory->snapshots[i].manifest.upper_size)
            std::abort();
    return 0;
}
