// netd's configuration, one JSON document on a descriptor. netd and whoever starts it are of one
// version; the document has no compatibility promise.
#pragma once

#include "base/address.hpp"
#include "base/result.hpp"
#include "base/token_bucket.hpp"
#include "net/intercept/plan.hpp"
#include "net/members/plan.hpp"
#include "net/policy/policy.hpp"
#include "net/proxy/proxy.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msb::net {

struct PublishedSocket {
    int fd = -1; ///< bound, and listening if it is TCP
    bool udp = false;
    std::uint16_t guest_port = 0;
};

struct NetdConfig {
    Mac guest_mac{};
    Mac gateway_mac{};
    std::uint16_t mtu = 1500;
    std::optional<Subnet> v4, v6; ///< the active families
    LinkRates rates;
    Policy policy;
    std::optional<Proxy> proxy; ///< with its credentials
    std::vector<Endpoint> resolvers;
    std::string resolver_file;        ///< that these follow; empty: none
    std::uint32_t dns_timeout_ms = 0; ///< of one lookup; 0: as usual
    std::vector<PublishedSocket> published;
    std::optional<InterceptionPlan> interception; ///< tlsd is at netd_fd_tls
    std::optional<MembershipPlan> membership;     ///< its door is at netd_fd_member
    std::size_t max_connections = 256;
    std::string sandbox; ///< its name
    bool explain_denials = true;
    std::string log_level;

    std::string to_json() const;
    static Result<NetdConfig> from_json(std::string_view text);
};

/// A policy that takes the place of another one, and what goes with it.
struct PolicyChange {
    Policy policy;
    std::size_t max_connections = 256;

    std::string to_json() const;
    static Result<PolicyChange> from_json(std::string_view text);
};

/// Descriptors netd starts with.
enum NetdFd : int {
    netd_fd_config = 3,
    netd_fd_device = 4,    ///< listening socket of the virtio device
    netd_fd_lifeline = 5,  ///< packets (net/report.hpp); its end ends netd
    netd_fd_tls = 6,       ///< packets of net/intercept/handover.hpp
    netd_fd_member = 7,    ///< listening socket (net/members/membership.hpp)
    netd_fd_published = 8, ///< the first of them
};

} // namespace msb::net
