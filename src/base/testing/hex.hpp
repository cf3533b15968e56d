// Bytes that a test spells out.
#pragma once

#include "base/bytes.hpp"

#include <string>

namespace msb::testing {

/// "0aff" as two bytes.
inline Bytes from_hex(std::string_view text) {
    Bytes bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        bytes.push_back(
            static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
    return bytes;
}

} // namespace msb::testing
