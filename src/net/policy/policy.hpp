// What a guest's network allows: a function of a flow and of rules, and of nothing else. Decided
// once a flow, on the address the guest dialled.
#pragma once

#include "net/flow.hpp"
#include "net/policy/rules.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace msb::net {

/// The first rule that matches decides; where none does, the direction's default.
struct Policy {
    std::vector<Rule> rules;
    bool egress = false; ///< what the default allows
    bool ingress = true;
    std::vector<Prefix> metadata; ///< more services of that group
    /// Whether answers to lookups may hold public addresses only, but for those that a rule opens.
    bool rebind_protection = true;

    bool operator==(const Policy&) const = default;
};

/// The rules that profiles ("public", "private", "host") stand for: names are answered where any
/// of them is.
std::vector<Rule> profile_rules(std::span<const std::string> profiles);

/// What was decided and by what.
struct Verdict {
    bool allow = false;
    std::optional<std::size_t> rule; ///< its place in Policy::rules; none: the default, or `closed`
    /// A rule that allows the peer's prefix or name, and was passed over (see judge()).
    std::optional<std::size_t> passed;
    bool unnamed = false; ///< because the connection did not ask for its name
    bool closed = false;  ///< no rule can open it
    Group peer = Group::reserved;
};

/// `peer`: the group of the address that is not the guest's. Some things do not follow from a rule
/// as it reads:
/// - The loopback is never dialled: it would be the guest's own.
/// - Services that answer for names in their own ways (over TLS or QUIC, mDNS, LLMNR, NetBIOS) are
///   closed: lookups are judged at port 53.
/// - A prefix allows neither this machine's own addresses, nor metadata services, nor members of a
///   private network, which may lie in it by chance; an address alone, their group and `any` do.
/// - A name allows addresses of the public group only: whoever answers for the name chooses them.
/// - A name allows a TLS connection only if its opening asks for a name that the rule is about, too;
///   while the opening is unseen it is trusted to. Rules that deny match that name as well, and what
///   a name that was looked up is an alias of.
/// - A lookup is matched by rules with names whatever their protocol and ports are, and by no
///   prefix.
/// - Peers on this machine's loopback are `host`, too.
Verdict judge(const Flow& flow, Group peer, const Policy& policy);

/// Whether a name is the target's, or below it where that counts.
bool matches_name(const DomainTarget& target, std::string_view name);

/// Whether the verdict about a flow may be another one when its opening was seen.
bool depends_on_opening(const Flow& flow, const Verdict& verdict, const Policy& policy);

/// Whether there are rules by name at all, so that the names in openings have to be seen.
bool has_names(const Policy& policy);

/// Whether the answer to a lookup may hold an address of this group: public ones, and those that a
/// rule about addresses or groups allows on all ports. `any`, names and defaults do not count:
/// whoever answers for a name must not lead a guest into networks that nobody mentioned. Members of a
/// private network have names of their own and are nobody else's answer.
bool may_be_answered(const IpAddress& address, Group group, const Policy& policy);

/// Whether any lookup may be allowed.
bool answers_names(const Policy& policy);

/// One sentence, for who asks why.
std::string explain(const Verdict& verdict, const Flow& flow, const Policy& policy);

/// A sentence for each rule that has no effect, because an earlier one always decides or because
/// nothing can follow from it.
std::vector<std::string> idle_rules(std::span<const Rule> rules);

} // namespace msb::net
