#include "tls/patterns.hpp"

namespace msb::tls {

bool matches_host(std::string_view pattern, std::string_view host) {
    if (pattern == "*" || pattern == host)
        return true;
    if (!pattern.starts_with("*."))
        return false;
    const std::string_view name = pattern.substr(2);
    return host == name || (host.size() > name.size() && host.ends_with(name) &&
                            host[host.size() - name.size() - 1] == '.');
}

std::size_t closeness(std::string_view pattern) {
    constexpr std::size_t exact = 1024; // longer than any name
    return pattern == "*" ? 0 : pattern.starts_with("*.") ? pattern.size() : exact;
}

} // namespace msb::tls
