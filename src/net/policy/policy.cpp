#include "net/policy/policy.hpp"

#include <algorithm>
#include <array>

namespace msb::net {

namespace {

/// How a rule meets a flow: `passed` is a prefix or a name that would have allowed anything else,
/// `unnamed` a name that would have allowed a TLS connection which asks for it.
enum class Match { no, yes, passed, unnamed };

RuleProtocol protocol_of(const Flow& flow) {
    switch (flow.protocol) {
    case Protocol::tcp: return RuleProtocol::tcp;
    case Protocol::udp: return RuleProtocol::udp;
    case Protocol::icmp: break;
    }
    return flow.peer().v6 ? RuleProtocol::icmpv6 : RuleProtocol::icmpv4;
}

bool is_below(std::string_view name, std::string_view parent) {
    return name.size() > parent.size() && name.ends_with(parent) &&
           name[name.size() - parent.size() - 1] == '.';
}

/// What is the same for all rules that a flow is held against.
class Matcher {
  public:
    Matcher(const Flow& flow, Group peer)
        : flow_(flow), peer_(peer), protocol_(protocol_of(flow)),
          inner_(peer == Group::member ? member_v4(flow.peer()) : embedded_v4(flow.peer())),
          disguised_(inner_ != flow.peer()) {}

    /// Whether the rule is about flows of this direction, protocol and port.
    bool concerns(const Rule& rule) const {
        const bool out = flow_.direction == Direction::out;
        if (rule.direction == (out ? RuleDirection::ingress : RuleDirection::egress))
            return false;
        const bool by_name_alone =
            flow_.lookup && std::holds_alternative<DomainTarget>(rule.target);
        return by_name_alone || (has_protocol(rule) && has_port(rule));
    }

    Match match(const Rule& rule) const {
        if (!concerns(rule))
            return Match::no;
        const bool out = flow_.direction == Direction::out;
        if (const auto* const domain = std::get_if<DomainTarget>(&rule.target))
            return match_name(rule, *domain);
        if (const auto* const prefix = std::get_if<Prefix>(&rule.target))
            return match_prefix(rule, *prefix);
        if (const auto* const group = std::get_if<Group>(&rule.target))
            return *group == peer_ || (!out && *group == Group::host && peer_ == Group::loopback)
                       ? Match::yes
                       : Match::no;
        return Match::yes;
    }

  private:
    bool has_protocol(const Rule& rule) const {
        return rule.protocols.empty() ||
               std::ranges::find(rule.protocols, protocol_) != rule.protocols.end();
    }
    bool has_port(const Rule& rule) const {
        if (rule.ports.empty())
            return true;
        const std::uint16_t port = flow_.destination.port; // 0 for echoes: in no range
        return std::ranges::any_of(rule.ports, [port](const PortRange& range) {
            return range.first <= port && port <= range.last;
        });
    }
    Match match_name(const Rule& rule, const DomainTarget& domain) const {
        const auto is_meant = [&](const std::string& name) { return matches_name(domain, name); };
        const bool bound = std::ranges::any_of(flow_.names, is_meant);
        const bool asked = flow_.opening && is_meant(flow_.opening->server_name);
        if (!rule.allow)
            return bound || asked || std::ranges::any_of(flow_.aliases, is_meant) ? Match::yes
                                                                                  : Match::no;
        if (!bound)
            return Match::no;
        if (flow_.opening && flow_.opening->tls && !asked)
            return Match::unnamed;
        const bool trusted = flow_.lookup || peer_ == Group::public_network;
        return trusted ? Match::yes : Match::passed;
    }
    Match match_prefix(const Rule& rule, const Prefix& prefix) const {
        if (flow_.lookup)
            return Match::no;
        // An address in disguise is allowed as what it contains, and denied as either.
        if (!prefix.contains(inner_) &&
            (rule.allow || !disguised_ || !prefix.contains(flow_.peer())))
            return Match::no;
        const bool apart =
            peer_ == Group::host || peer_ == Group::metadata || peer_ == Group::member;
        return rule.allow && apart && flow_.direction == Direction::out && !prefix.is_address()
                   ? Match::passed
                   : Match::yes;
    }

    const Flow& flow_;
    Group peer_;
    RuleProtocol protocol_;
    IpAddress inner_; ///< what the peer's address contains
    bool disguised_;
};

/// DNS over TLS and QUIC, mDNS, LLMNR, NetBIOS.
bool is_other_name_service(const Flow& flow) {
    static constexpr std::array<std::uint16_t, 4> ports = {853, 5353, 5355, 137};
    return flow.direction == Direction::out && !flow.lookup && flow.protocol != Protocol::icmp &&
           std::ranges::find(ports, flow.destination.port) != ports.end();
}

std::string numbered(std::size_t rule, const Policy& policy) {
    return "rule " + std::to_string(rule + 1) + " (" + policy.rules[rule].to_string() + ")";
}

std::string peer_text(const Verdict& verdict, const Flow& flow) {
    if (flow.lookup)
        return flow.names.empty() ? "the name" : flow.names.front();
    return flow.peer().to_string() + " (" + std::string(to_string(verdict.peer)) + ")";
}

std::string passed_text(const Verdict& verdict, const Policy& policy) {
    if (!verdict.passed)
        return {};
    const bool name = std::holds_alternative<DomainTarget>(policy.rules[*verdict.passed].target);
    if (verdict.unnamed)
        return numbered(*verdict.passed, policy) +
               " allows TLS connections only if they ask for that name; ";
    return numbered(*verdict.passed, policy) +
           (name ? " allows public addresses only; " : " does not open such addresses; ");
}

// ---- rules without effect ----

template <typename Item>
bool holds_all(const std::vector<Item>& all, const std::vector<Item>& some) {
    return all.empty() || (!some.empty() && std::ranges::all_of(some, [&](const Item& item) {
               return std::ranges::find(all, item) != all.end();
           }));
}

bool covers(const std::vector<PortRange>& wide, const std::vector<PortRange>& narrow) {
    return wide.empty() || (!narrow.empty() && std::ranges::all_of(narrow, [&](const auto& inner) {
               return std::ranges::any_of(wide, [&](const auto& outer) {
                   return outer.first <= inner.first && inner.last <= outer.last;
               });
           }));
}

bool covers(const Prefix& wide, const Prefix& narrow) {
    return wide.bits <= narrow.bits && wide.contains(narrow.network);
}

bool covers(const DomainTarget& wide, const DomainTarget& narrow) {
    return wide == narrow || (wide.subdomains && matches_name(wide, narrow.name));
}

bool covers_target(const Rule& wide, const Rule& narrow) {
    if (std::holds_alternative<AnyTarget>(wide.target) || wide.target == narrow.target)
        return true;
    const auto* const outer = std::get_if<Prefix>(&wide.target);
    const auto* const inner = std::get_if<Prefix>(&narrow.target);
    if (outer != nullptr && inner != nullptr) // an address alone may open more than its prefix
        return covers(*outer, *inner) &&
               (!wide.allow || !inner->is_address() || outer->is_address());
    const auto* const above = std::get_if<DomainTarget>(&wide.target);
    const auto* const below = std::get_if<DomainTarget>(&narrow.target);
    return above != nullptr && below != nullptr && covers(*above, *below);
}

bool shadows(const Rule& earlier, const Rule& later) {
    return (earlier.direction == RuleDirection::any || earlier.direction == later.direction) &&
           covers_target(earlier, later) && holds_all(earlier.protocols, later.protocols) &&
           covers(earlier.ports, later.ports);
}

bool opens_loopback(const Rule& rule) {
    return rule.allow && rule.direction == RuleDirection::egress &&
           rule.target == RuleTarget(Group::loopback);
}

} // namespace

bool matches_name(const DomainTarget& target, std::string_view name) {
    return name == target.name || (target.subdomains && is_below(name, target.name));
}

std::vector<Rule> profile_rules(std::span<const std::string> profiles) {
    std::vector<Rule> rules;
    for (const std::string& profile : profiles) {
        const auto group = profile == "public"    ? Group::public_network
                           : profile == "private" ? Group::private_network
                                                  : Group::host;
        if (rules.empty())
            rules.push_back(dns_rule());
        rules.push_back({.allow = true, .target = group});
    }
    return rules;
}

Verdict judge(const Flow& flow, Group peer, const Policy& policy) {
    const bool out = flow.direction == Direction::out;
    Verdict verdict{.allow = out ? policy.egress : policy.ingress, .peer = peer};
    if (out && (peer == Group::loopback || is_other_name_service(flow))) {
        verdict.allow = false;
        verdict.closed = true;
        return verdict;
    }
    const Matcher matcher(flow, peer);
    for (std::size_t i = 0; i < policy.rules.size(); ++i) {
        const Match match = matcher.match(policy.rules[i]);
        if ((match == Match::passed || match == Match::unnamed) && !verdict.passed) {
            verdict.passed = i;
            verdict.unnamed = match == Match::unnamed;
        }
        if (match != Match::yes)
            continue;
        verdict.allow = policy.rules[i].allow;
        verdict.rule = i;
        break;
    }
    return verdict;
}

bool depends_on_opening(const Flow& flow, const Verdict& verdict, const Policy& policy) {
    if (flow.direction == Direction::in || flow.lookup || flow.protocol == Protocol::icmp ||
        !verdict.allow)
        return false;
    const std::size_t end = verdict.rule.value_or(policy.rules.size());
    const auto by_name = [](const Rule& rule) {
        return std::holds_alternative<DomainTarget>(rule.target);
    };
    if (end < policy.rules.size() && by_name(policy.rules[end]))
        return true;
    const Matcher matcher(flow, verdict.peer);
    return std::ranges::any_of(std::span(policy.rules).first(end), [&](const Rule& rule) {
        return !rule.allow && by_name(rule) && matcher.concerns(rule);
    });
}

bool has_names(const Policy& policy) {
    return std::ranges::any_of(policy.rules, [](const Rule& rule) {
        return std::holds_alternative<DomainTarget>(rule.target);
    });
}

bool may_be_answered(const IpAddress& address, Group group, const Policy& policy) {
    if (group == Group::public_network || !policy.rebind_protection)
        return true;
    if (group == Group::member)
        return false;
    const Flow tcp{.protocol = Protocol::tcp, .destination = {address, 0}};
    const Flow udp{.protocol = Protocol::udp, .destination = {address, 0}};
    const Matcher as_tcp(tcp, group), as_udp(udp, group);
    for (const Rule& rule : policy.rules) {
        const bool about_addresses = std::holds_alternative<Prefix>(rule.target) ||
                                     std::holds_alternative<Group>(rule.target);
        if (about_addresses && rule.ports.empty() &&
            (as_tcp.match(rule) == Match::yes || as_udp.match(rule) == Match::yes))
            return rule.allow;
    }
    return false;
}

bool answers_names(const Policy& policy) {
    const auto lookup_verdict = [&](Protocol protocol) {
        return judge({.protocol = protocol,
                      .destination = {{}, dns_port},
                      .names = {""},
                      .lookup = true},
                     Group::host, policy)
            .allow;
    };
    return lookup_verdict(Protocol::udp) || lookup_verdict(Protocol::tcp) ||
           std::ranges::any_of(policy.rules, [](const Rule& rule) {
               return rule.allow && std::holds_alternative<DomainTarget>(rule.target);
           });
}

std::string explain(const Verdict& verdict, const Flow& flow, const Policy& policy) {
    const std::string peer = peer_text(verdict, flow);
    if (verdict.closed && is_other_name_service(flow))
        return "port " + std::to_string(flow.destination.port) +
               " is closed: names are looked up at port 53, where they are judged";
    if (verdict.closed)
        return peer +
               " is the guest's own; this machine's loopback is behind the gateway's address";
    const std::string passed = passed_text(verdict, policy);
    if (verdict.rule)
        return passed + numbered(*verdict.rule, policy) +
               (verdict.allow ? " allows " : " denies ") + peer;
    return passed + "no rule matches " + peer + ", and the default for " +
           (flow.direction == Direction::out ? "egress" : "ingress") + " is " +
           (verdict.allow ? "allow" : "deny");
}

std::vector<std::string> idle_rules(std::span<const Rule> rules) {
    std::vector<std::string> sentences;
    for (std::size_t later = 0; later < rules.size(); ++later) {
        const std::string text = "network rule '" + rules[later].to_string() + "' has no effect: ";
        if (opens_loopback(rules[later])) {
            sentences.push_back(text +
                                "the guest's loopback is its own, and this machine's is 'host'");
            continue;
        }
        const auto earlier = std::ranges::find_if(
            rules.first(later), [&](const Rule& rule) { return shadows(rule, rules[later]); });
        if (earlier != rules.begin() + static_cast<std::ptrdiff_t>(later))
            sentences.push_back(text + "'" + earlier->to_string() + "' is before it");
    }
    return sentences;
}

} // namespace msb::net
