// Any text as network rules: what is accepted is written and read back as the same.
#include "base/bytes.hpp"
#include "net/policy/rules.hpp"

#include <cstdlib>

using namespace msb;
using namespace msb::net;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto rules = parse_rules(as_text(BytesView(data, size)));
    if (!rules)
        return rules.error().message().empty() ? std::abort(), 1 : 0;
    for (const Rule& rule : *rules) {
        const auto again = parse_rules(rule.to_string());
        if (!again || again->size() != 1 || again->front() != rule)
            std::abort();
    }
    return 0;
}
