// Lines as wide as the terminal has columns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace msb::cli {

/// The part of a line that fits; its styles (ESC [ ... m) take no room, and end.
std::string cropped(std::string_view line, std::size_t columns);
/// Columns of the longest line.
std::size_t text_width(std::string_view text);

/// "▁▂█", a column for each value; `most` is a full one.
std::string sparkline(const std::vector<double>& values, double most);

} // namespace msb::cli
