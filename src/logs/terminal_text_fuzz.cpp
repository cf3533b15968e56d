// However a text is cut, nothing that a terminal would obey comes through, except colours if
// wanted.
#include "base/bytes.hpp"
#include "logs/terminal_text.hpp"

using namespace msb;

namespace {

void check(std::string_view text, bool colours) {
    if (valid_utf8_prefix(text) != text.size())
        __builtin_trap();
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c == 0x1b && colours) {
            const auto end = text.find_first_not_of("0123456789;:", i + 2);
            if (i + 1 >= text.size() || text[i + 1] != '[' || end == std::string_view::npos ||
                text[end] != 'm')
                __builtin_trap();
        } else if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
            __builtin_trap();
        }
        if (c == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0)
            __builtin_trap();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const bool colours = (data[0] & 1) != 0;
    const std::size_t piece = (data[0] >> 1) + std::size_t{1};
    std::string_view input = as_text({data + 1, size - 1});
    TerminalText filter({.colours = colours});
    std::string shown;
    while (!input.empty()) {
        shown += filter.filter(input.substr(0, piece));
        input.remove_prefix(std::min(piece, input.size()));
    }
    check(shown, colours);
    const std::string line = plain_line(as_text({data + 1, size - 1}));
    check(line, false);
    if (line.find('\n') != std::string::npos)
        __builtin_trap();
    return 0;
}
