// Any text as a list of patches: it is refused with a reason, or every patch names a place in the
// guest that is one.
#include "base/bytes.hpp"
#include "base/testing/check.hpp"
#include "json/yaml.hpp"
#include "spec/patches.hpp"
#include "spec/paths.hpp"

using namespace msb;
using msb::testing::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto document = json::parse_yaml(as_text(BytesView(data, size)));
    if (!document)
        return 0;
    const auto patches = read_patches(*document, "/base");
    if (!patches)
        return check(!patches.error().message().empty()), 0;
    for (const Patch& patch : *patches) {
        check(patch.path.starts_with('/') && patch.path.size() > 1 && !leads_upwards(patch.path));
        check(patch.path == normal_path(patch.path));
        check((patch.kind == Patch::Kind::copy) == !patch.source.empty());
    }
    return 0;
}
