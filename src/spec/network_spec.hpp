// What a sandbox's network is asked to be.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace msb {

/// `[BIND:]HOST:GUEST[/tcp|udp]`
struct PublishedPort {
    std::string bind = "127.0.0.1"; ///< a numeric address
    std::uint16_t host = 0;
    std::uint16_t guest = 0;
    bool udp = false;

    std::string to_string() const;
    bool operator==(const PublishedPort&) const = default;
};

struct NetworkSpec {
    bool enabled = true; ///< false: none, whatever the rest says
    /// What the guest may reach: "public", "private", "host", each once, or "all" alone.
    std::vector<std::string> profiles;
    std::vector<PublishedPort> published;
    std::uint32_t max_connections = 256;

    /// Whether the guest has an interface at all.
    bool active() const { return enabled && (!profiles.empty() || !published.empty()); }
    bool has(std::string_view profile) const;
    bool operator==(const NetworkSpec&) const = default;
};

inline constexpr std::uint32_t most_connections = 1024;

/// Words of --net, each a list with commas: public, private, host, all, none.
Result<std::vector<std::string>> parse_net_profiles(const std::vector<std::string>& words);
Result<PublishedPort> parse_published_port(std::string_view text);
Status validate_network(const NetworkSpec& network);

} // namespace msb
