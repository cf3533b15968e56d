// Host names to addresses, the slow way round: this blocks on the guest's files and name servers
// and belongs into a worker thread. (A static program cannot use the C library's resolver, which
// would load the image's own modules into process 1.)
#pragma once

#include "base/address.hpp"
#include "base/result.hpp"

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace msb::agent {

struct LookupSources {
    std::string hosts = "/etc/hosts";
    std::string resolver_config = "/etc/resolv.conf";
    std::uint16_t port = 53;
};

/// What needs no lookup: an address ("127.0.0.1", "[::1]", "fe80::1%eth0"), or a name for the guest
/// itself.
std::vector<IpAddress> resolve_at_once(std::string_view host);

/// IPv4 before IPv6; never empty. not_found: the name does not exist; unreachable: no name server
/// is configured or answers; cancelled. Ends soon after `deadline` or a set `cancelled`.
Result<std::vector<IpAddress>> resolve(const std::string& host, const LookupSources& sources,
                                       std::chrono::steady_clock::time_point deadline,
                                       const std::atomic<bool>& cancelled);

} // namespace msb::agent
