// Any text as an inventory.
#include "archive/inventory.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto inventory = msb::archive::Inventory::from_json(text))
        if (msb::archive::Inventory::from_json(inventory->to_json()) != *inventory)
            std::abort();
    return 0;
}
