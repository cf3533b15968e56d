// Reading JSON from outside: a member of the wrong type is treated as absent.
#pragma once

#include "base/result.hpp"
#include "json/value.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace msb::image {

using Json = json::Value;

/// `corrupt` if the text is not one JSON object; `what` names it in the error.
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
