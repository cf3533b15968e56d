// Any bytes as an image archive: docker-archive or OCI layout in a tar.
#include "base/system.hpp"
#include "image/archive.hpp"
#include "image/reference.hpp"

using namespace msb;
using namespace msb::image;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto file = sys::memfd("archive", {data, size});
    if (!file)
        return 0;
    (void)is_plain_tar(file->get());
    const auto plans = read_archive(file->get(), size, {"linux", "amd64", ""});
    if (!plans)
        return 0;
    for (const auto& plan : *plans) {
        if (!plan)
            continue;
        for (const PlannedLayer& layer : plan->layers)
            if (layer.offset > size || layer.size > size - layer.offset)
                __builtin_trap();
        for (const std::string& reference : plan->references)
            if (Reference::parse(reference).value().to_string() != reference)
                __builtin_trap();
    }
    return 0;
}
