// Patterns of hosts: "*", a name or an address, "*.NAME" (that name and all below it).
#pragma once

#include <cstddef>
#include <string_view>

namespace msb::tls {

/// Whether a host is what a pattern means: "*", a name or an address, "*.NAME".
bool matches_host(std::string_view pattern, std::string_view host);
/// How closely: a name more than "*.NAME", a longer one of these more than a shorter, "*" the least.
std::size_t closeness(std::string_view pattern);

} // namespace msb::tls
