// Names of messages as text, for the files of this folder.
#pragma once

#include "base/bytes.hpp"

#include <string>

namespace msb::dns {

/// One more label: lower case, with bytes that are no plain characters escaped (RFC 1035 §5.1).
void append_label(std::string& name, BytesView label);

} // namespace msb::dns
