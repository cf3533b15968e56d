// Text on the terminal that is drawn again in its place.
#pragma once

#include "base/result.hpp"
#include "cli/text_layout.hpp"
#include "terminal/terminal.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

namespace msb::cli {

/// Shows what `render` gives, again after each `interval` and when the window's size has changed, until a
/// signal ends it, or an error. The terminal is then as it was before. `what`: the option, for the error
/// that there is no terminal.
Status watch_on_terminal(std::string_view what, std::chrono::milliseconds interval,
                         const std::function<Result<std::string>(const WindowSize&)>& render);

} // namespace msb::cli
