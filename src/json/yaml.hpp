// YAML as far as configuration files need it, read into a JSON document: mappings with text as keys,
// lists, text, whole numbers, true, false and null. What would be read as something else than it
// looks like is refused: anchors and aliases, tags, several documents, a key that is there twice.
#pragma once

#include "base/result.hpp"
#include "json/value.hpp"

namespace msb::json {

inline constexpr std::size_t max_yaml_bytes = std::size_t{1} << 20;
inline constexpr std::size_t max_yaml_depth = 32;
inline constexpr std::size_t max_yaml_values = 100'000;

/// Errors are invalid_argument and name the line. JSON is YAML, too.
Result<Value> parse_yaml(std::string_view text);

} // namespace msb::json
