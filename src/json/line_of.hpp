// Where in a text a member of a document stands, for messages about configuration files.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace msb::json {

/// The line, from 1, of the key that `path` leads to, one key a level; 0 if it is not there. `text`
/// is one that parse() takes.
std::size_t line_of(std::string_view text, std::span<const std::string> path);

} // namespace msb::json
