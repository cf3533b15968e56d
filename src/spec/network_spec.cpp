#include "spec/network_spec.hpp"

#include "base/address.hpp"
#include "base/closest.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace msb {

namespace {

constexpr std::array<std::string_view, 3> composable = {"public", "private", "host"};
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
    return enabled && (joined || profile || !published.empty() || !rules.empty() ||
                       default_egress || default_ingress);
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
    if (joined) // who joins wants to be joined, unless a rule says what
        policy.rules.push_back(
            {.allow = true, .direction = net::RuleDirection::any, .target = net::Group::member});
    return policy;
}

bool NetworkSpec::has(std::string_view profile) const {
    return std::ranges::find(profiles, profile) != profiles.end();
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

Status validate_network_name(std::string_view name) {
    constexpr std::size_t longest_label = 63;
    const bool good = !name.empty() && name.size() <= longest_label && name.front() != '-' &&
                      name.back() != '-' && std::ranges::all_of(name, [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                      });
    if (!good)
        return invalid("invalid network name '" + std::string(name) +
                       "' (1 to 63 letters in lower case, digits and '-', which is at no end)");
    if (name == "host") // host.microsandbox.internal is this machine
        return invalid("no network can be called 'host'");
    return {};
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
    if (network.joined)
        MSB_TRY(validate_network_name(network.joined.name));
    if (network.joined.subnet.bits > 0 && network.interface.v4 &&
        network.joined.subnet.contains(*network.interface.v4))
        return invalid("the guest's own address is one of the private network '" +
                       network.joined.name + "'");
    MSB_TRY(validate_published(network.published));
    MSB_TRY(validate_interface(network.interface));
    MSB_TRY(validate_proxy(network.proxy));
    MSB_TRY(validate_tls(network.tls));
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
