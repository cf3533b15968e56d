// The resolvers that a resolv.conf(5) names.
#pragma once

#include "dns/config.hpp"

#include <cstddef>
#include <vector>

namespace msb::net {

inline constexpr std::uint16_t resolver_port = 53;
inline constexpr std::size_t most_resolver_file = std::size_t{64} << 10;

/// The local one if none is named.
inline std::vector<Endpoint> resolvers_of(const dns::ResolverConfig& config) {
    std::vector<Endpoint> resolvers;
    resolvers.reserve(config.servers.size() + 1);
    for (const IpAddress& server : config.servers)
        resolvers.push_back({server, resolver_port});
    if (resolvers.empty())
        resolvers.push_back({IpAddress::loopback(false), resolver_port});
    return resolvers;
}

} // namespace msb::net
