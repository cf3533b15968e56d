// Bodies that are compressed (RFC 9110 §8.4): whole ones, of bounded size.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace msb::tls {

/// "gzip", "x-gzip", "deflate", "br", "zstd"; "identity" and nothing are none.
bool is_coding(std::string_view name);
bool is_identity(std::string_view name);

/// Nothing if it is not what it says, or would be larger than `most`.
std::optional<std::string> decode(std::string_view coding, std::string_view data, std::size_t most);
/// The same coding, fast rather than small.
std::optional<std::string> encode(std::string_view coding, std::string_view data);

} // namespace msb::tls
