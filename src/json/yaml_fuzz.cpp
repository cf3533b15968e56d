// Any text as YAML: it is refused, or is a document that JSON can hold.
#include "base/bytes.hpp"
#include "base/testing/check.hpp"
#include "json/text.hpp"
#include "json/yaml.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto value = msb::json::parse_yaml(msb::as_text(msb::BytesView(data, size)));
    if (value)
        msb::testing::check(!msb::json::to_text(*value).empty());
    else
        msb::testing::check(!value.error().message().empty());
    return 0;
}
