// Any text as what users and registries write: references, platforms, challenges. A normalised
// reference is its own normal form, and its parts are safe in URLs and paths.
#include "image/platform.hpp"
#include "image/reference.hpp"
#include "image/registry_client.hpp"

using namespace msb;
using namespace msb::image;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto reference = Reference::parse(text)) {
        const std::string normal = reference->to_string();
        const auto again = Reference::parse(normal);
        if (!again || again->to_string() != normal ||
            normal.find_first_of(std::string_view("%?#\\ \0\n", 7)) != std::string::npos ||
            normal.find("/.") != std::string::npos || normal.find("//") != std::string::npos)
            __builtin_trap();
        (void)is_loopback(reference->domain());
    }
    if (const auto platform = Platform::parse(text))
        if (Platform::parse(platform->to_string()).value().to_string() != platform->to_string())
            __builtin_trap();
    (void)parse_challenge(text);
    return 0;
}
