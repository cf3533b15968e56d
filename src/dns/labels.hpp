// What the files of this folder share about messages.
#pragma once

#include "base/bytes.hpp"

#include <string>

namespace msb::dns {

inline constexpr std::size_t longest_name = 255, longest_label = 63; // RFC 1035 §2.3.4

/// The caller knows that the bytes are there.
inline std::uint16_t load16(BytesView bytes, std::size_t at) {
    return load_be<std::uint16_t>(bytes.subspan(at, 2));
}

/// One more label: lower case, with bytes that are no plain characters escaped (RFC 1035 §5.1).
void append_label(std::string& name, BytesView label);

} // namespace msb::dns
