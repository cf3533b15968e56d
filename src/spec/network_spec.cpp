#include "spec/network_spec.hpp"

#include "base/address.hpp"
#include "base/closest.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace msb {

namespace {

constexpr std::array<std::string_view, 3> composable = {"public", "private", "host"};
constexpr std::size_t most_published = 256;
constexpr std::size_t most_nameservers = 8;
constexpr std::uint32_t most_query_ms = 60'000;

/// Port 0 means none.
std::uint16_t port_or_none(std::string_view text) {
    return parse_port(text).value_or(0);
}

/// Under its own name if it had another one before.
void add_profile(std::vector<std::string>& profiles, std::string word) {
    if (word == "public_only" || word == "public-only")
        word = "public";
    if (word == "non_local" || word == "non-local") {
        profiles.emplace_back("public");
        word = "private";
    }
    profiles.push_back(std::move(word));
}

std::unexpected<Error> unknown_profile(const std::string& word) {
    const std::vector<std::string> known = {"public", "private", "host", "all", "none"};
    Error error(ErrorKind::invalid_argument, "unknown network profile: '" + word +
                                                 "' (expected: public, private, host, all, none)");
    if (const auto meant = closest(word, known))
        return fail(std::move(error).with_hint("did you mean '" + *meant + "'?"));
    return fail(std::move(error));
}

} // namespace

bool NetworkSpec::active() const {
    const bool profile = !profiles.empty() && !has("none");
    return enabled &&
           (profile || !published.empty() || !rules.empty() || default_egress || default_ingress);
}

bool NetworkSpec::says_what_is_reached() const {
    return says_more_than_rules() || !rules.empty();
}

bool NetworkSpec::says_more_than_rules() const {
    return !enabled || !profiles.empty() || !policy_name.empty() || default_egress ||
           default_ingress;
}

net::Policy NetworkSpec::policy() const {
    const bool all = has("all");
    net::Policy policy{.rules = rules,
                       .egress = default_egress.value_or(all),
                       .ingress = default_ingress.value_or(true),
                       .metadata = {},
                       .rebind_protection = dns.rebind_protection};
    if (!all && !has("none"))
        for (net::Rule& rule : net::profile_rules(profiles))
            policy.rules.push_back(std::move(rule));
    return policy;
}

bool NetworkSpec::has(std::string_view profile) const {
    return std::ranges::find(profiles, profile) != profiles.end();
}

std::string PublishedPort::to_string() const {
    const bool v6 = bind.find(':') != std::string::npos;
    return (v6 ? "[" + bind + "]" : bind) + ":" + std::to_string(host) + ":" +
           std::to_string(guest) + (udp ? "/udp" : "/tcp");
}

Result<std::vector<std::string>> parse_net_profiles(const std::vector<std::string>& words) {
    std::vector<std::string> given;
    for (const std::string& list : words)
        for (std::size_t begin = 0; begin <= list.size();) {
            const std::size_t end = std::min(list.find(',', begin), list.size());
            if (end > begin)
                add_profile(given, list.substr(begin, end - begin));
            begin = end + 1;
        }
    const auto has = [&](std::string_view word) {
        return std::ranges::find(given, word) != given.end();
    };
    for (const std::string& word : given) {
        const bool alone = word == "all" || word == "none";
        if (!alone && std::ranges::find(composable, word) == composable.end())
            return unknown_profile(word);
        if (alone && std::ranges::any_of(given, [&](auto& other) { return other != word; }))
            return invalid("network profile '" + word + "' cannot be combined with others");
    }
    for (const char* const alone : {"all", "none"})
        if (has(alone))
            return std::vector<std::string>{alone};
    std::vector<std::string> profiles;
    for (const std::string_view profile : composable)
        if (has(profile))
            profiles.emplace_back(profile);
    return profiles;
}

Result<std::vector<net::Rule>> parse_net_rules(const std::vector<std::string>& words) {
    std::vector<net::Rule> rules;
    for (const std::string& list : words)
        for (net::Rule& rule : MSB_TRY(net::parse_rules(list)))
            rules.push_back(std::move(rule));
    return rules;
}

Result<Endpoint> parse_nameserver(std::string_view text) {
    std::string_view host = text;
    std::uint16_t port = net::dns_port;
    const auto colon = text.rfind(':');
    if (colon != std::string_view::npos && !IpAddress::parse(text) && !text.ends_with(']')) {
        port = port_or_none(text.substr(colon + 1));
        host = text.substr(0, colon);
    }
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed)
        host = host.substr(1, host.size() - 2);
    const auto address = IpAddress::parse_scoped(host);
    if (!address || port == 0 || (bracketed && !address->v6))
        return invalid("invalid name server '" + std::string(text) +
                       "' (expected IP[:PORT], IPv6 in brackets where a port follows)");
    return Endpoint{*address, port};
}

Result<PublishedPort> parse_published_port(std::string_view text) {
    const auto bad = [&](std::string_view why) {
        return invalid("invalid published port '" + std::string(text) + "': " + std::string(why) +
                       " (expected [BIND:]HOST:GUEST[/tcp|udp])");
    };
    PublishedPort result;
    std::string_view rest = text;
    if (const auto slash = rest.rfind('/'); slash != std::string_view::npos) {
        const std::string_view protocol = rest.substr(slash + 1);
        if (protocol != "tcp" && protocol != "udp")
            return bad("the protocol is tcp or udp");
        result.udp = protocol == "udp";
        rest = rest.substr(0, slash);
    }
    const auto last = rest.rfind(':');
    if (last == std::string_view::npos)
        return bad("a port of the host and one of the guest");
    const auto guest = port_or_none(rest.substr(last + 1));
    rest = rest.substr(0, last);
    if (const auto colon = rest.rfind(':'); colon != std::string_view::npos) {
        result.bind = rest.substr(0, colon);
        rest = rest.substr(colon + 1);
        const bool bracketed = result.bind.starts_with('[') && result.bind.ends_with(']');
        if (bracketed)
            result.bind = result.bind.substr(1, result.bind.size() - 2);
        if (!IpAddress::parse(result.bind) ||
            bracketed != (result.bind.find(':') != std::string::npos))
            return bad("the address to bind is a number; IPv6 in brackets");
    }
    const auto host = port_or_none(rest);
    if (guest == 0 || host == 0)
        return bad("ports are 1 to 65535");
    result.guest = guest;
    result.host = host;
    return result;
}

Status validate_network(const NetworkSpec& network) {
    const auto profiles = MSB_TRY(parse_net_profiles(network.profiles));
    if (profiles != network.profiles)
        return invalid("invalid config: network profiles must be in order, each once");
    if (network.has("all") && network.default_egress == false)
        return invalid(
            "network profile 'all' and a default that denies egress contradict each other");
    if (network.rules.size() > net::most_rules)
        return fail(ErrorKind::limit_exceeded, "more than 10000 network rules");
    if (network.published.size() > most_published)
        return invalid("invalid config: more than 256 published ports");
    for (std::size_t i = 0; i < network.published.size(); ++i) {
        const PublishedPort& port = network.published[i];
        if (port.host == 0 || port.guest == 0 || !IpAddress::parse(port.bind))
            return invalid("invalid config: published port " + port.to_string());
        for (std::size_t j = 0; j < i; ++j)
            if (network.published[j].host == port.host && network.published[j].udp == port.udp &&
                network.published[j].bind == port.bind)
                return invalid("published port " + port.to_string() + " is there twice");
    }
    if (network.dns.nameservers.size() > most_nameservers)
        return invalid("invalid config: more than 8 name servers");
    if (network.dns.query_timeout_ms > most_query_ms)
        return invalid("invalid config: dns query_timeout_ms must be at most 60000");
    if (network.connections() == 0 || network.connections() > most_connections)
        return invalid("invalid config: max_connections must be 1 to " +
                       std::to_string(most_connections));
    return {};
}

} // namespace msb
