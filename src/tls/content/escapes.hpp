// A text as it stands in other texts.
#pragma once

#include <string>
#include <string_view>

namespace msb::tls {

/// All but letters, digits and "-._~" as %XX.
std::string percent_encoded(std::string_view text, bool upper_case = true);
/// Within the quotes of a JSON string.
std::string json_escaped(std::string_view text);

} // namespace msb::tls
