#include "spec/network_document.hpp"

#include "base/closest.hpp"
#include "json/text.hpp"

#include <algorithm>
#include <array>

namespace msb {

namespace {

std::unexpected<Error> bad(std::string what) {
    return fail(ErrorKind::invalid_argument, std::move(what));
}

std::string quoted(const json::Value& value) {
    return json::to_text(value);
}

Result<std::string> text_of(const json::Value& value, std::string_view member) {
    if (value.text() != nullptr)
        return *value.text();
    if (const auto number = value.unsigned_integer()) // a port
        return std::to_string(*number);
    return bad("'" + std::string(member) + "' is not text: " + quoted(value));
}

/// One text, or a list of them.
Result<std::vector<std::string>> texts_of(const json::Value& value, std::string_view member) {
    std::vector<std::string> texts;
    if (!value.is_array() && !value.is_null())
        texts.push_back(MSB_TRY(text_of(value, member)));
    for (const json::Value& element : value.elements())
        texts.push_back(MSB_TRY(text_of(element, member)));
    return texts;
}

Result<bool> flag_of(const json::Value& value, std::string_view member) {
    if (const auto flag = value.boolean())
        return *flag;
    return bad("'" + std::string(member) + "' is neither true nor false");
}

Result<std::uint32_t> number_of(const json::Value& value, std::string_view member) {
    const auto number = value.unsigned_integer();
    if (!number || *number > UINT32_MAX)
        return bad("'" + std::string(member) + "' is not a number");
    return static_cast<std::uint32_t>(*number);
}

Result<std::optional<bool>> action_of(const json::Value& value, std::string_view member) {
    if (value.is_null())
        return std::optional<bool>();
    const std::string word = MSB_TRY(text_of(value, member));
    if (word != "allow" && word != "deny")
        return bad("'" + std::string(member) + "' is neither allow nor deny: " + word);
    return std::optional(word == "allow");
}

std::unexpected<Error> unknown(const std::string& key, const std::string& where,
                               std::span<const std::string> known) {
    Error error(ErrorKind::invalid_argument, "'" + where + key + "' is unknown");
    if (const auto meant = closest(key, known))
        return fail(std::move(error).with_hint("did you mean '" + *meant + "'?"));
    return fail(std::move(error));
}

// ---- rules ----

/// "link_local" as rules have it.
std::string group_word(std::string word) {
    std::ranges::replace(word, '_', '-');
    return word == "metadata" ? "meta" : word;
}

/// The target of a rule: a text of its grammar, or {kind, value}.
Result<std::string> target_of(const json::Value& value) {
    if (!value.is_object()) {
        std::string text = MSB_TRY(text_of(value, "destination"));
        if (text.starts_with('.')) // what Go and Python had for a suffix
            return "suffix=" + text.substr(1);
        const bool address = text.find(':') != std::string::npos && !text.starts_with('[');
        const bool group = text.find_first_of(".:=*[/") == std::string::npos;
        return address ? "[" + text + "]" : group ? group_word(std::move(text)) : text;
    }
    std::string kind, inner;
    const bool one = value.members().size() == 1; // {"domain": "pypi.org"}
    for (const auto& [key, member] : value.members()) {
        if (member.is_null())
            continue;
        if (key == "kind") {
            kind = MSB_TRY(text_of(member, "destination.kind"));
        } else if (key == "value" || one) {
            inner = MSB_TRY(text_of(member, "destination." + key));
            kind = one ? key : kind;
        } else {
            return bad("'destination." + key + "' is unknown");
        }
    }
    kind = group_word(std::move(kind));
    const bool v6 = inner.find(':') != std::string::npos;
    if (kind == "any")
        return std::string("any");
    if (kind == "ip" || kind == "cidr")
        return v6 ? "[" + inner + "]" : inner;
    if (kind == "domain")
        return "domain=" + inner;
    if (kind == "domain-suffix" || kind == "suffix")
        return "suffix=" + inner;
    if (kind == "group")
        return group_word(std::move(inner));
    return bad("unknown kind of destination: '" + kind +
               "' (any, ip, cidr, domain, domain_suffix, group)");
}

struct RuleParts {
    std::string action, direction = "egress", target;
    std::vector<std::string> protocols, ports;
};

Result<RuleParts> rule_parts(const json::Value& value) {
    static const std::vector<std::string> known = {
        "action", "direction", "destination", "protocol", "protocols", "port", "ports"};
    RuleParts parts;
    for (const auto& [key, member] : value.members()) {
        if (member.is_null())
            continue;
        if (key == "action")
            parts.action = MSB_TRY(text_of(member, "rules.action"));
        else if (key == "direction")
            parts.direction = MSB_TRY(text_of(member, "rules.direction"));
        else if (key == "destination")
            parts.target = MSB_TRY(target_of(member));
        else if (key == "protocol" || key == "protocols")
            std::ranges::copy(MSB_TRY(texts_of(member, "rules." + key)),
                              std::back_inserter(parts.protocols));
        else if (key == "port" || key == "ports")
            std::ranges::copy(MSB_TRY(texts_of(member, "rules." + key)),
                              std::back_inserter(parts.ports));
        else
            return unknown(key, "rules.", known);
    }
    if (parts.target.empty())
        parts.target = "any";
    if (parts.protocols.empty())
        parts.protocols = {"any"};
    if (parts.ports.empty())
        parts.ports = {"any"};
    return parts;
}

/// A rule of text has one protocol and one range of ports, so an object may be several.
Status add_rule(const json::Value& value, std::vector<net::Rule>& rules) {
    std::vector<std::string> texts;
    if (value.is_object()) {
        const RuleParts parts = MSB_TRY(rule_parts(value));
        for (const std::string& protocol : parts.protocols)
            for (const std::string& ports : parts.ports)
                texts.push_back(parts.action + ":" + parts.direction + "@" + parts.target + ":" +
                                protocol + ":" + ports);
    } else {
        texts.push_back(MSB_TRY(text_of(value, "rules")));
    }
    for (net::Rule& rule : MSB_TRY(parse_net_rules(texts)))
        rules.push_back(std::move(rule));
    return {};
}

/// `before`: what a rule is about ("allow@").
Status add_targets(const json::Value& list, std::string_view member, std::string_view before,
                   std::vector<net::Rule>& rules) {
    std::vector<std::string> texts;
    for (const std::string& target : MSB_TRY(texts_of(list, member)))
        texts.push_back(std::string(before) + target);
    for (net::Rule& rule : MSB_TRY(parse_net_rules(texts)))
        rules.push_back(std::move(rule));
    return {};
}

// ---- the rest ----

Status read_dns(const json::Value& value, DnsSpec& dns) {
    static const std::vector<std::string> known = {"nameservers", "query_timeout_ms",
                                                   "rebind_protection"};
    if (!value.is_object())
        return bad("'dns' is not an object");
    for (const auto& [key, member] : value.members()) {
        if (member.is_null())
            continue;
        if (key == "nameservers") {
            for (const std::string& text : MSB_TRY(texts_of(member, "dns.nameservers")))
                dns.nameservers.push_back(MSB_TRY(parse_nameserver(text)));
        } else if (key == "query_timeout_ms") {
            dns.query_timeout_ms = MSB_TRY(number_of(member, "dns.query_timeout_ms"));
        } else if (key == "rebind_protection") {
            dns.rebind_protection = MSB_TRY(flag_of(member, "dns.rebind_protection"));
        } else {
            return unknown(key, "dns.", known);
        }
    }
    return {};
}

class Document {
  public:
    /// Null is as if it were not there.
    Status take(const std::string& key, const json::Value& value) {
        if (value.is_null())
            return {};
        const auto* const entry = std::ranges::find(members, key, &Entry::key);
        if (entry != members.end())
            return (this->*entry->read)(value);
        std::vector<std::string> known;
        known.reserve(members.size());
        for (const Entry& one : members)
            known.emplace_back(one.key);
        return unknown(key, "", known);
    }
    /// When all members have been taken.
    NetworkSpec finish() {
        const bool only_allowed = !allowed_.empty();
        for (std::vector<net::Rule>* list : {&denied_, &allowed_})
            std::ranges::move(*list, std::back_inserter(network_.rules));
        if (only_allowed) { // whatever policy stands beside it
            network_.profiles.clear();
            network_.policy_name.clear();
        } else if (!denied_.empty() && network_.policy_name.empty() && network_.profiles.empty() &&
                   !network_.default_egress) {
            network_.profiles = {"public"};
        }
        return std::move(network_);
    }

  private:
    Status enabled(const json::Value& value) {
        network_.enabled = MSB_TRY(flag_of(value, "enabled"));
        return {};
    }
    Status profiles(const json::Value& value) {
        network_.profiles = MSB_TRY(parse_net_profiles(MSB_TRY(texts_of(value, "profiles"))));
        return {};
    }
    Status policy(const json::Value& value) {
        network_.policy_name = MSB_TRY(text_of(value, "policy"));
        return {};
    }
    Status rules(const json::Value& value) {
        if (!value.is_array() && !value.is_null())
            return bad("'rules' is not a list");
        for (const json::Value& rule : value.elements())
            MSB_TRY(add_rule(rule, network_.rules));
        return {};
    }
    Status deny(const json::Value& value) { return add_targets(value, "deny", "deny@", denied_); }
    Status allow(const json::Value& value) {
        return add_targets(value, "allow", "allow@", allowed_);
    }
    Status deny_domains(const json::Value& value) {
        return add_targets(value, "deny_domains", "deny@domain=", denied_);
    }
    Status deny_suffixes(const json::Value& value) {
        return add_targets(value, "deny_domain_suffixes", "deny@suffix=", denied_);
    }
    /// Rules and defaults as an object of their own.
    Status custom_policy(const json::Value& value) {
        static const std::vector<std::string> known = {"default_egress", "default_ingress",
                                                       "rules"};
        if (!value.is_object())
            return bad("'custom_policy' is not an object");
        for (const auto& [key, member] : value.members()) {
            if (std::ranges::find(known, key) == known.end())
                return unknown(key, "custom_policy.", known);
            MSB_TRY(take(key, member));
        }
        return {};
    }
    Status both(const json::Value& value) {
        network_.default_egress = network_.default_ingress = MSB_TRY(action_of(value, "default"));
        return {};
    }
    Status egress(const json::Value& value) {
        network_.default_egress = MSB_TRY(action_of(value, "default_egress"));
        return {};
    }
    Status ingress(const json::Value& value) {
        network_.default_ingress = MSB_TRY(action_of(value, "default_ingress"));
        return {};
    }
    Status dns(const json::Value& value) { return read_dns(value, network_.dns); }
    Status rebind_protection(const json::Value& value) {
        network_.dns.rebind_protection = MSB_TRY(flag_of(value, "dns_rebind_protection"));
        return {};
    }
    Status ports(const json::Value& value) {
        for (const std::string& text : MSB_TRY(texts_of(value, "ports")))
            for (PublishedPort& port : MSB_TRY(parse_published_ports(text)))
                network_.published.push_back(std::move(port));
        return {};
    }
    Status network(const json::Value& value) {
        network_.joined.name = MSB_TRY(text_of(value, "network"));
        return {};
    }
    Status connections(const json::Value& value) {
        network_.max_connections = MSB_TRY(number_of(value, "max_connections"));
        return {};
    }
    Status proxy(const json::Value& value) {
        network_.proxy = MSB_TRY(text_of(value, "proxy"));
        return {};
    }
    Status interface(const json::Value& value) {
        network_.interface = MSB_TRY(read_interface(value));
        return {};
    }
    Status rates(const json::Value& value) {
        network_.rates = MSB_TRY(read_rates(value));
        return {};
    }
    Status tls(const json::Value& value) {
        const bool trust = network_.tls.trust_host_cas;
        network_.tls = MSB_TRY(read_tls(value));
        network_.tls.trust_host_cas = trust;
        return {};
    }
    Status trust_host_cas(const json::Value& value) {
        network_.tls.trust_host_cas = MSB_TRY(flag_of(value, "trust_host_cas"));
        return {};
    }
    /// Also beside `interface`.
    Status pool_v4(const json::Value& value) { return pool(value, network_.interface.v4_pool); }
    Status pool_v6(const json::Value& value) { return pool(value, network_.interface.v6_pool); }
    static Status pool(const json::Value& value, std::optional<Prefix>& into) {
        const std::string text = MSB_TRY(text_of(value, "pool"));
        into = Prefix::parse(text);
        return into ? Status() : bad("not a prefix: " + text);
    }
    Status explain(const json::Value& value) {
        network_.explain_denials = MSB_TRY(flag_of(value, "explain_denials"));
        return {};
    }

    struct Entry {
        std::string_view key;
        Status (Document::*read)(const json::Value&);
    };
    static const std::array<Entry, 25> members;

    NetworkSpec network_;
    std::vector<net::Rule> denied_, allowed_;
};

const std::array<Document::Entry, 25> Document::members = {{
    {"enabled", &Document::enabled},
    {"profiles", &Document::profiles},
    {"policy", &Document::policy},
    {"rules", &Document::rules},
    {"deny", &Document::deny},
    {"allow", &Document::allow},
    {"default", &Document::both},
    {"default_egress", &Document::egress},
    {"default_ingress", &Document::ingress},
    {"dns", &Document::dns},
    {"ports", &Document::ports},
    {"network", &Document::network},
    {"max_connections", &Document::connections},
    {"explain_denials", &Document::explain},
    {"interface", &Document::interface},
    {"proxy", &Document::proxy},
    {"rate_limiter", &Document::rates},
    {"tls", &Document::tls},
    {"trust_host_cas", &Document::trust_host_cas},
    // What other versions and their libraries have.
    {"custom_policy", &Document::custom_policy},
    {"deny_domains", &Document::deny_domains},
    {"deny_domain_suffixes", &Document::deny_suffixes},
    {"ipv4_pool", &Document::pool_v4},
    {"ipv6_pool", &Document::pool_v6},
    {"dns_rebind_protection", &Document::rebind_protection},
}};

} // namespace

Result<NetworkSpec> read_network_document(const json::Value& document) {
    NetworkSpec network;
    if (const auto enabled = document.boolean()) {
        network.enabled = *enabled;
        return network;
    }
    if (const std::string* const word = document.text()) {
        network.policy_name = *word;
        return network;
    }
    if (!document.is_object())
        return bad("a network is an object, true, false or the name of a policy");
    Document reader;
    for (const auto& [key, value] : document.members())
        MSB_TRY(reader.take(key, value));
    network = reader.finish();
    MSB_TRY(validate_network(network));
    return network;
}

} // namespace msb
