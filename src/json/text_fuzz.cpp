// No text harms the reader, and what it accepts is written as a document that reads the same. Its
// members are found in it.
#include "json/line_of.hpp"
#include "json/text.hpp"

#include <cstdlib>

using namespace msb;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto value = json::parse({reinterpret_cast<const char*>(data), size});
    if (!value)
        return 0;
    for (const auto& [key, member] : value->members())
        if (json::line_of({reinterpret_cast<const char*>(data), size}, {&key, 1}) == 0)
            std::abort();
    for (const int indent : {-1, 2}) {
        const std::string text = json::to_text(*value, indent);
        const auto again = json::parse(text);
        if (!again || *again != *value || json::to_text(*again, indent) != text)
            std::abort();
    }
    return 0;
}
