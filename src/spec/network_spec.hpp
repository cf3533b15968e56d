// What a sandbox's network is asked to be.
#pragma once

#include "base/address.hpp"
#include "base/result.hpp"
#include "net/policy/policy.hpp"
#include "spec/network_link.hpp"
#include "spec/proxy_url.hpp"
#include "spec/published_port.hpp"
#include "spec/tls_spec.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msb {

/// How a guest's names are looked up.
struct DnsSpec {
    /// In place of those that this machine asks.
    std::vector<Endpoint> nameservers;
    /// Until a lookup is given up; 0: as long as usual.
    std::uint32_t query_timeout_ms = 0;
    /// Whether names may lead to public addresses only, and to those that a rule allows.
    bool rebind_protection = true;

    bool operator==(const DnsSpec&) const = default;
};

/// A private network that a sandbox is in. What it is there is allotted when the sandbox is made.
struct JoinedNetwork {
    std::string name; ///< empty: none
    Prefix subnet;
    IpAddress address;

    explicit operator bool() const { return !name.empty(); }
    bool operator==(const JoinedNetwork&) const = default;
};
/// A label of a domain name: 1 to 63 letters in lower case, digits and '-', which is at no end.
Status validate_network_name(std::string_view name);

inline constexpr std::uint32_t usual_connections = 256, most_connections = 1024;

struct NetworkSpec {
    bool enabled = true; ///< false: none, whatever the rest says
    /// What the guest may reach: "public", "private", "host", each once, or "all" or "none" alone.
    std::vector<std::string> profiles;
    /// The first that matches decides, before any profile.
    std::vector<net::Rule> rules;
    /// What is allowed where nothing decides; unless given, ways in are and ways out are not.
    std::optional<bool> default_egress, default_ingress;
    std::vector<PublishedPort> published;
    JoinedNetwork joined;
    DnsSpec dns;
    InterfaceSpec interface;
    LinkRates rates;
    TlsSpec tls;
    std::string proxy;           ///< spec/proxy_url.hpp; empty: none
    bool explain_denials = true; ///< to plain HTTP, with an answer
    std::string policy_name;     ///< of the named policy that is part of this
    std::optional<std::uint32_t>
        max_connections; ///< TCP, at a time; unless given, usual_connections

    /// Whether the guest has an interface at all.
    bool active() const;
    /// Whether anything was said about what may be reached.
    bool says_what_is_reached() const;
    /// The same without rules, which can also stand before what there is already.
    bool says_more_than_rules() const;
    std::uint32_t connections() const { return max_connections.value_or(usual_connections); }
    /// What profiles, rules and defaults come to.
    net::Policy policy() const;
    bool has(std::string_view profile) const;
    bool operator==(const NetworkSpec&) const = default;
};

/// Words of --net, each a list with commas: public, private, host, all, none; and what they were
/// called before, public_only and non_local.
Result<std::vector<std::string>> parse_net_profiles(const std::vector<std::string>& words);
/// Words of --net-rule, each a list with commas.
Result<std::vector<net::Rule>> parse_net_rules(const std::vector<std::string>& words);
/// "IP[:PORT]", IPv6 in brackets where a port follows.
Result<Endpoint> parse_nameserver(std::string_view text);
Status validate_network(const NetworkSpec& network);

} // namespace msb
