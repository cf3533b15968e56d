// Any text as a policy file: it is refused with a reason, or its rules mean the same when they are
// written and read again.
#include "base/bytes.hpp"
#include "base/testing/check.hpp"
#include "json/yaml.hpp"
#include "spec/network_document.hpp"

using namespace msb;
using msb::testing::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto document = json::parse_yaml(as_text(BytesView(data, size)));
    if (!document)
        return 0;
    const auto network = read_network_document(*document);
    if (!network)
        return check(!network.error().message().empty()), 0;
    check(validate_network(*network).has_value());
    for (const net::Rule& rule : network->rules) {
        const auto again = net::parse_rules(rule.to_string());
        check(again && again->size() == 1 && again->front() == rule);
    }
    return 0;
}
