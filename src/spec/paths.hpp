// Paths as users give them.
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

namespace msb {

/// Without repeated, leading-to-nothing or trailing slashes, and without ".".
std::string normal_path(std::string_view path);
/// Below `directory`, or the working directory, unless it is absolute; without slashes at its end.
/// ".." is kept: its meaning depends on whether the path leads through links.
Result<std::string> absolute_path(std::string_view path, std::string_view directory = {});
/// Whether ".." is one of its names.
bool leads_upwards(std::string_view path);

} // namespace msb
