// The openings of TLS connections, as clients and servers make them.
#pragma once

#include "base/bytes.hpp"

#include <string_view>

namespace msb::net::testing {

/// A ClientHello that asks for a server by name, unless that is empty.
Bytes hello(std::string_view server_name);
Bytes hello_with_two_names(std::string_view first, std::string_view second);
/// A handshake message cut into records of at most `piece` bytes.
Bytes records(BytesView message, std::size_t piece);
Bytes hello_record(std::string_view server_name);
/// What a server sends that wants another ClientHello.
Bytes retry_request();

} // namespace msb::net::testing
