// JSON as text: RFC 8259, both ways.
#pragma once

#include "base/result.hpp"
#include "json/value.hpp"

namespace msb::json {

/// Nothing that we read is nested deeper than ten levels.
inline constexpr std::size_t max_depth = 64;
/// The largest document that is read, which is a worker's report about an image.
inline constexpr std::size_t max_text_bytes = std::size_t{128} << 20;
/// A value takes 64 bytes in memory, however short its text is.
inline constexpr std::size_t max_values = std::size_t{1} << 20;

/// `corrupt` for what is not one JSON document in UTF-8 or passes the limits. Of members with the
/// same key the last counts.
Result<Value> parse(std::string_view text);

/// On one line, or with `indent` blanks a level. Text may hold any bytes: what is not UTF-8 is
/// replaced by U+FFFD, so that the result always is a JSON document.
std::string to_text(const Value& value, int indent = -1);

} // namespace msb::json
