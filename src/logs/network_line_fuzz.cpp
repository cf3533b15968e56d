// Any line of network.log: it is none, or an entry that is written and read back as the same.
#include "base/bytes.hpp"
#include "base/testing/check.hpp"
#include "json/text.hpp"
#include "logs/network_log.hpp"

using namespace msb;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto entry = parse_network_line(as_text(BytesView(data, size)));
    if (!entry)
        return 0;
    const std::string line = json::to_text(entry->to_document());
    const auto again = parse_network_line(line);
    msb::testing::check(again && json::to_text(again->to_document()) == line);
    return 0;
}
