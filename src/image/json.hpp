// Reading JSON that somebody else wrote: bounded depth, no exceptions, wrong types read as absent.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace msb::image {

using Json = nlohmann::json;

/// Nothing that we read is nested deeper than ten levels.
constexpr int max_json_depth = 64;

/// `corrupt` if the text is not one JSON object or is nested deeper than max_json_depth. `what`
/// names the document in the error.
Result<Json> parse_json_object(std::string_view text, std::string_view what);

/// Member access. An absent member and one of another type are the same: empty, 0 or null.
std::string json_string(const Json& object, const char* key);
std::uint64_t json_unsigned(const Json& object, const char* key);
std::int64_t json_integer(const Json& object, const char* key);
bool json_bool(const Json& object, const char* key);
std::vector<std::string> json_strings(const Json& object, const char* key);
/// A member that is an array or object; a null value otherwise.
const Json& json_member(const Json& object, const char* key);

} // namespace msb::image
