// Network rules, as values and as text:
//
//   <action>[:<direction>]@<target>[:<protocol>[:<ports>]]
//   allow@pypi.org  deny@10.0.0.0/8:tcp:80-443  allow:ingress@[2001:db8::/32]:any:8080  allow@dns
//
//   action     allow | deny
//   direction  egress (unless given) | ingress | any
//   target     any | dns | public | private | loopback | link-local | meta | multicast | host
//              | network | address, prefix (IPv6 in brackets) | name with a dot | domain=NAME | suffix=NAME |
//              *.NAME
//   protocol   any | tcp | udp | icmpv4 | icmpv6
//   ports      any | N | N-M
//
// In a rule for ingress the target is the peer, and has no name. Ports are those of the side that
// listens.
#pragma once

#include "base/address.hpp"
#include "base/result.hpp"
#include "net/policy/groups.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace msb::net {

enum class RuleDirection { egress, ingress, any };
enum class RuleProtocol { tcp, udp, icmpv4, icmpv6 };

struct AnyTarget {
    bool operator==(const AnyTarget&) const = default;
};
struct DomainTarget {
    std::string name;        ///< lower case, no dot at either end
    bool subdomains = false; ///< and everything below it
    bool operator==(const DomainTarget&) const = default;
};
/// A prefix is what its addresses are by their number: policy.hpp says what that leaves out.
using RuleTarget = std::variant<AnyTarget, Group, Prefix, DomainTarget>;

struct PortRange {
    std::uint16_t first = 0, last = 0; ///< both belong to it
    bool operator==(const PortRange&) const = default;
};

struct Rule {
    bool allow = false;
    RuleDirection direction = RuleDirection::egress;
    RuleTarget target;
    std::vector<RuleProtocol> protocols; ///< none: all
    std::vector<PortRange> ports;        ///< none: all

    /// The rule as text; parsing it gives the same rule.
    std::string to_string() const;
    bool operator==(const Rule&) const = default;
};

inline constexpr std::uint16_t dns_port = 53;
inline constexpr std::size_t most_rules = 10'000;

/// allow@dns: the name server on the gateway.
Rule dns_rule();

/// A comma-separated list; empty items are skipped, order counts. Errors are invalid_argument, name
/// the item and say what was expected, with a hint where the meaning can be guessed.
Result<std::vector<Rule>> parse_rules(std::string_view list);

} // namespace msb::net
