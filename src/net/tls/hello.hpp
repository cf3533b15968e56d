// ClientHello, the message that TLS begins with, also in QUIC (RFC 8446 §4.1.2, RFC 6066 §3).
#pragma once

#include "base/bytes.hpp"

#include <optional>
#include <string>

namespace msb::net {

/// Of a handshake message: its type, and three bytes of length.
constexpr std::size_t message_head = 4;
/// Longer ones are nobody's.
constexpr std::size_t longest_hello = std::size_t{15} << 10;
/// With its head, of which `message` has all.
std::size_t message_size(BytesView message);

/// The server that a whole message asks for, as rules have names; empty: none. Nothing if it is not
/// a well-formed ClientHello.
std::optional<std::string> asked_server(BytesView message);

} // namespace msb::net
