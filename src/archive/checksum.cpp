#include "archive/checksum.hpp"

namespace msb::archive {

Checksum::Checksum(const TarEntry& entry) {
    const auto number = [this](std::uint64_t value) {
        std::array<std::uint8_t, sizeof(value)> bytes;
        store_le<std::uint64_t>(bytes, value);
        hash_.update(bytes);
    };
    hash_.update(as_bytes(entry.path));
    hash_.update(as_bytes(std::string_view("\0", 1)));
    number(entry.size);
    for (const TarExtent& extent : entry.extents) {
        if (extent.length == 0) // marks an end, and has no content
            continue;
        number(extent.offset);
        number(extent.length);
    }
}

} // namespace msb::archive
