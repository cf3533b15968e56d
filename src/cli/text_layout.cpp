#include "cli/text_layout.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace msb::cli {

namespace {

/// Bytes of the escape sequence or character that `text` begins with, and the columns that it takes.
std::pair<std::size_t, std::size_t> next_piece(std::string_view text) {
    if (text.starts_with("\x1b[")) {
        const auto end = text.find('m');
        return {end == std::string_view::npos ? text.size() : end + 1, 0};
    }
    std::size_t bytes = 1;
    while (bytes < text.size() && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80)
        ++bytes;
    return {bytes, 1};
}

} // namespace

std::string cropped(std::string_view line, std::size_t columns) {
    std::string result;
    bool styled = false;
    for (std::size_t used = 0; !line.empty();) {
        const auto [bytes, width] = next_piece(line);
        if (used + width > columns)
            break;
        styled |= width == 0;
        used += width;
        result += line.substr(0, bytes);
        line.remove_prefix(bytes);
    }
    return styled && !line.empty() ? result + "\x1b[0m" : result;
}

std::size_t text_width(std::string_view text) {
    std::size_t longest = 0;
    std::size_t used = 0;
    while (!text.empty()) {
        const auto [bytes, width] = next_piece(text);
        used = text.front() == '\n' ? 0 : used + width;
        longest = std::max(longest, used);
        text.remove_prefix(bytes);
    }
    return longest;
}

std::string sparkline(const std::vector<double>& values, double most) {
    static constexpr std::array<const char*, 8> bars = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    std::string text;
    for (const double value : values) {
        const double share = most > 0 ? std::clamp(value / most, 0.0, 1.0) : 0;
        text += bars[static_cast<std::size_t>(std::lround(share * (bars.size() - 1)))];
    }
    return text;
}

} // namespace msb::cli
