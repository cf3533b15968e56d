// Text on the terminal that is drawn again in its place.
#pragma once

#include "base/result.hpp"
#include "terminal/terminal.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace msb::cli {

/// Shows what `render` gives, again after each `interval` and when the window's size has changed, until a
/// signal ends it, or an error. The terminal is then as it was before. `what`: the option, for the error
/// that there is no terminal.
Status watch_on_terminal(std::string_view what, std::chrono::milliseconds interval,
                         const std::function<Result<std::string>(const WindowSize&)>& render);

/// The part of a line that fits; its styles (ESC [ ... m) take no room, and end.
std::string cropped(std::string_view line, std::size_t columns);
/// Columns of the longest line.
std::size_t text_width(std::string_view text);

/// "▁▂█", a column for each value; `most` is a full one.
std::string sparkline(const std::vector<double>& values, double most);

} // namespace msb::cli
