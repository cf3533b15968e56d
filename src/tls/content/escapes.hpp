// A text as it stands in other texts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace msb::tls {

/// All but letters, digits and "-._~" as %XX.
std::string percent_encoded(std::string_view text, bool upper_case = true);
/// Within the quotes of a JSON string.
std::string json_escaped(std::string_view text);
/// What of a longer text's base64 depends on this one alone: where it begins decides which of three it is, in each
/// alphabet.
std::vector<std::string> within_base64(std::string_view text);

} // namespace msb::tls
