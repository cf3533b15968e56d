// Any bytes as a disk of a guest, compared with itself: nothing differs.
#include "base/system.hpp"
#include "diff/compare.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto disk = msb::sys::memfd("disk", {data, size});
    if (!disk)
        return 0;
    const auto upper = msb::diff::Upper::open(disk->get());
    if (!upper)
        return 0;
    const auto changes = msb::diff::compare(*upper, *upper);
    if (changes && !changes->empty())
        std::abort();
    return 0;
}
