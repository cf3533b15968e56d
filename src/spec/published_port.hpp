// Ports of the host that lead to ports of a guest.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace msb {

struct PublishedPort {
    std::string bind = "127.0.0.1"; ///< a numeric address
    std::uint16_t host = 0;         ///< 0: one that is free, chosen at each start
    std::uint16_t guest = 0;
    bool udp = false;

    /// "127.0.0.1:8080:80/tcp"
    std::string to_string() const;
    /// "127.0.0.1:8080->80/tcp"
    std::string to_arrow() const;
    bool operator==(const PublishedPort&) const = default;
};

inline constexpr std::size_t most_published = 256;

/// `[BIND:]HOST[-END]:GUEST[-END][/tcp|udp]`: one for each port of a range.
Result<std::vector<PublishedPort>> parse_published_ports(std::string_view text);
/// Whether these can be published together.
Status validate_published(const std::vector<PublishedPort>& ports);

} // namespace msb
