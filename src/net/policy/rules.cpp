#include "net/policy/rules.hpp"

#include "base/closest.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

namespace msb::net {

namespace {

constexpr std::size_t longest_name = 253, longest_label = 63; // RFC 1035 §2.3.4

constexpr std::array<std::string_view, 2> actions = {"allow", "deny"};
constexpr std::array<std::string_view, 3> directions = {"egress", "ingress", "any"};
constexpr std::array<std::string_view, 4> protocol_words = {"tcp", "udp", "icmpv4", "icmpv6"};
/// By Group; there is no word for what is reserved.
constexpr std::array<std::string_view, 9> groups = {
    "", "host", "meta", "loopback", "private", "link-local", "multicast", "public", "network"};
constexpr std::array<std::string_view, 10> keywords = {
    "any",        "dns",  "public",    "private", "loopback",
    "link-local", "meta", "multicast", "host",    "network"};

/// The rest of an item while it is parsed; errors show the whole item.
struct Item {
    std::string_view text;
    std::string_view rest;
};

std::unexpected<Error> bad(const Item& item, const std::string& why, std::string hint = {}) {
    Error error(ErrorKind::invalid_argument,
                "invalid network rule '" + std::string(item.text) + "': " + why);
    return fail(hint.empty() ? std::move(error) : std::move(error).with_hint(std::move(hint)));
}

std::string quoted(std::string_view text) {
    return "'" + std::string(text) + "'";
}

std::string joined(std::span<const std::string_view> words) {
    std::string text;
    for (const std::string_view word : words)
        text += (text.empty() ? "" : ", ") + std::string(word);
    return text;
}

template <typename Enum>
std::optional<Enum> find_word(std::span<const std::string_view> words, std::string_view word) {
    const auto found = std::ranges::find(words, word);
    if (found == words.end())
        return std::nullopt;
    return static_cast<Enum>(found - words.begin());
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> words) {
    const std::vector<std::string> candidates(words.begin(), words.end());
    const auto meant = closest(word, candidates);
    return meant ? "did you mean " + quoted(*meant) + "?" : std::string();
}

// ---- names ----

bool is_label(std::string_view label) {
    return !label.empty() && label.size() <= longest_label && label.front() != '-' &&
           label.back() != '-' && std::ranges::all_of(label, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
           });
}

Result<DomainTarget> parse_domain(const Item& item, std::string_view text, bool subdomains) {
    std::string name(text);
    std::ranges::transform(name, name.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (name.ends_with('.'))
        name.pop_back();
    if (name.starts_with('.'))
        name.erase(0, 1);
    if (name.empty())
        return bad(item, "the domain name is empty");
    if (name.find_first_of("/@ \t") != std::string::npos)
        return bad(item, quoted(text) + " is not a domain name",
                   "a rule has the name alone: no scheme, user, path or blank");
    if (name.size() > longest_name)
        return bad(item, "the domain name is longer than 253 bytes");
    std::size_t labels = 0;
    for (std::size_t begin = 0; begin <= name.size(); ++labels) {
        const std::size_t end = std::min(name.find('.', begin), name.size());
        if (!is_label(std::string_view(name).substr(begin, end - begin)))
            return bad(item, quoted(text) + " is not a domain name",
                       "labels have 1 to 63 letters, digits, '-' and '_', and no '-' at an end");
        begin = end + 1;
    }
    if (subdomains && labels < 2)
        return bad(item, "a suffix has at least two labels, " + quoted(text) + " has one");
    return DomainTarget{std::move(name), subdomains};
}

// ---- targets ----

/// "[2001:db8::1]" or "[2001:db8::/32]"; advances behind the bracket.
Result<Prefix> parse_bracketed(Item& item) {
    const std::size_t close = item.rest.find(']');
    if (close == std::string_view::npos)
        return bad(item, "']' is missing");
    const std::string_view inside = item.rest.substr(1, close - 1);
    item.rest.remove_prefix(close + 1);
    if (!item.rest.empty() && item.rest[0] != ':')
        return bad(item, "only ':' and a protocol may follow ']'");
    const std::string_view address = inside.substr(0, inside.find('/'));
    const auto parsed = IpAddress::parse(address);
    if (!parsed || !parsed->v6)
        return bad(item, quoted(address) + " in brackets is not an IPv6 address",
                   parsed ? "IPv4 addresses have no brackets" : "");
    const auto prefix = Prefix::parse(inside);
    if (!prefix)
        return bad(item, quoted(inside) + " is not a prefix",
                   "a prefix is ADDRESS/LENGTH, and no bits behind its length are set");
    return *prefix;
}

bool looks_like_ipv4(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789./") == std::string_view::npos;
}

/// A target without brackets and without a colon.
Result<RuleTarget> parse_target(const Item& item, std::string_view text) {
    if (text.empty())
        return bad(item, "the target is missing behind '@'", "known are: " + joined(keywords));
    if (text == "any")
        return AnyTarget{};
    if (const auto group = find_word<Group>(groups, text))
        return *group;
    for (const auto& [prefix, subdomains] :
         {std::pair{std::string_view("domain="), false}, {"suffix=", true}, {"*.", true}})
        if (text.starts_with(prefix))
            return MSB_TRY(parse_domain(item, text.substr(prefix.size()), subdomains));
    if (looks_like_ipv4(text)) {
        const auto prefix = Prefix::parse(text);
        if (prefix)
            return *prefix;
        const bool address = text.find('/') == std::string_view::npos;
        return bad(item, quoted(text) + (address ? " is not an IPv4 address" : " is not a prefix"),
                   address ? ""
                           : "a prefix is ADDRESS/LENGTH, and no bits behind its length are set");
    }
    if (text.find('.') != std::string_view::npos)
        return MSB_TRY(parse_domain(item, text, false));
    if (text.find_first_of("=*") != std::string_view::npos)
        return bad(item, quoted(text) + " is not a target", "known are: " + joined(keywords));
    std::string hint = did_you_mean(text, keywords);
    return bad(item, quoted(text) + " may be a keyword or a name",
               hint.empty() ? "for a name without a dot: domain=" + std::string(text) : hint);
}

/// An IPv6 address without brackets would be split at its colons: report the missing brackets.
std::optional<std::string> unbracketed(std::string_view text) {
    for (std::size_t end = text.size(); end != std::string_view::npos && end > 0;
         end = text.rfind(':', end - 1)) {
        const auto prefix = Prefix::parse(text.substr(0, end));
        if (prefix && prefix->network.v6)
            return "IPv6 addresses are in brackets: [" + std::string(text.substr(0, end)) + "]" +
                   std::string(text.substr(end));
    }
    return std::nullopt;
}

// ---- protocols and ports ----

/// Of ":a:b": the next part; advances to the colon behind it.
std::string_view next_part(std::string_view& rest) {
    const std::string_view part = rest.substr(1, rest.find(':', 1) - 1);
    rest.remove_prefix(1 + part.size());
    return part;
}

bool looks_like_ports(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789-") == std::string_view::npos;
}

Status parse_protocol(const Item& item, std::string_view text, Rule& rule) {
    if (text == "any")
        return {};
    if (const auto protocol = find_word<RuleProtocol>(protocol_words, text)) {
        rule.protocols.push_back(*protocol);
        return {};
    }
    if (looks_like_ports(text)) {
        const std::size_t at = item.text.rfind(':');
        return bad(item, quoted(text) + " stands where the protocol is",
                   "write " + std::string(item.text.substr(0, at)) + ":any:" + std::string(text));
    }
    std::string hint = did_you_mean(text, protocol_words);
    return bad(item, "unknown protocol " + quoted(text) + " (any, " + joined(protocol_words) + ")",
               std::move(hint));
}

Status parse_ports(const Item& item, std::string_view text, Rule& rule) {
    if (text == "any")
        return {};
    const std::size_t dash = text.find('-');
    const auto first = parse_port(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_port(text.substr(dash + 1));
    if (!first || !last || *first == 0)
        return bad(item, quoted(text) + " are no ports (any, N or N-M, 1 to 65535)");
    if (*first > *last)
        return bad(item, "the range " + quoted(text) + " is upside down",
                   "write " + std::to_string(*last) + "-" + std::to_string(*first));
    rule.ports.push_back({*first, *last});
    return {};
}

bool is_icmp(RuleProtocol protocol) {
    return protocol == RuleProtocol::icmpv4 || protocol == RuleProtocol::icmpv6;
}

/// `dns`: the name server on the gateway.
Status make_dns(const Item& item, Rule& rule) {
    if (rule.direction != RuleDirection::egress)
        return bad(item, "dns is where a guest's questions go: egress only");
    if (std::ranges::any_of(rule.protocols, is_icmp))
        return bad(item, "dns is asked over udp and tcp");
    if (!rule.ports.empty() && rule.ports[0] != PortRange{dns_port, dns_port})
        return bad(item, "dns has port 53", "names over TLS (port 853) are closed to guests");
    rule.target = Group::host;
    rule.ports = {{dns_port, dns_port}};
    if (rule.protocols.empty())
        rule.protocols = {RuleProtocol::udp, RuleProtocol::tcp};
    return {};
}

// ---- one rule ----

/// "allow" or "deny:ingress".
Status parse_head(const Item& item, std::string_view head, Rule& rule) {
    const std::string_view action = head.substr(0, head.find(':'));
    head.remove_prefix(action.size());
    if (std::ranges::find(actions, action) == actions.end())
        return bad(item, "unknown action " + quoted(action) + " (allow, deny)",
                   did_you_mean(action, actions));
    rule.allow = action == "allow";
    if (head.empty())
        return {};
    head.remove_prefix(1);
    const auto direction = find_word<RuleDirection>(directions, head);
    if (!direction)
        return bad(item, "unknown direction " + quoted(head) + " (egress, ingress, any)",
                   did_you_mean(head, directions));
    rule.direction = *direction;
    return {};
}

Result<Rule> parse_rule(std::string_view text) {
    Item item{text, text};
    const std::size_t at = text.find('@');
    if (at == std::string_view::npos)
        return bad(item, "'@' is missing", "a rule is ACTION@TARGET, as in allow@pypi.org");
    Rule rule;
    MSB_TRY(parse_head(item, text.substr(0, at), rule));
    item.rest.remove_prefix(at + 1);
    bool dns = false;
    if (item.rest.starts_with('[')) {
        rule.target = MSB_TRY(parse_bracketed(item));
    } else {
        if (item.rest.find("://") != std::string_view::npos)
            return bad(item, "the target is a URL", "a rule has the name alone");
        if (const auto hint = unbracketed(item.rest))
            return bad(item, "an IPv6 address is not in brackets", *hint);
        const std::string_view target = item.rest.substr(0, item.rest.find(':'));
        item.rest.remove_prefix(target.size());
        dns = target == "dns";
        if (!dns)
            rule.target = MSB_TRY(parse_target(item, target));
    }
    if (!item.rest.empty())
        MSB_TRY(parse_protocol(item, next_part(item.rest), rule));
    if (!item.rest.empty())
        MSB_TRY(parse_ports(item, next_part(item.rest), rule));
    if (!item.rest.empty())
        return bad(item, quoted(item.rest.substr(1)) + " is too much",
                   "IPv6 addresses are in brackets");
    if (dns)
        MSB_TRY(make_dns(item, rule));
    if (std::holds_alternative<DomainTarget>(rule.target) &&
        rule.direction != RuleDirection::egress)
        return bad(item, "peers of published ports have addresses and no names",
                   "a rule with a name is for egress");
    if (std::ranges::any_of(rule.protocols, is_icmp)) {
        if (rule.direction != RuleDirection::egress)
            return bad(item, "ICMP is judged on its way out only");
        if (!rule.ports.empty())
            return bad(item, "ICMP has no ports");
    }
    return rule;
}

std::string target_text(const RuleTarget& target) {
    if (const auto* group = std::get_if<Group>(&target))
        return std::string(groups[static_cast<std::size_t>(*group)]);
    if (const auto* prefix = std::get_if<Prefix>(&target)) {
        const std::string text =
            prefix->is_address() ? prefix->network.to_string() : prefix->to_string();
        return prefix->network.v6 ? "[" + text + "]" : text;
    }
    if (const auto* domain = std::get_if<DomainTarget>(&target))
        return (domain->subdomains ? "suffix=" : "domain=") + domain->name;
    return "any";
}

bool is_dns(Rule rule) {
    rule.allow = true;
    return rule == dns_rule();
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t begin = std::min(text.find_first_not_of(blanks), text.size());
    const std::size_t end = text.find_last_not_of(blanks);
    return end == std::string_view::npos ? std::string_view() : text.substr(begin, end + 1 - begin);
}

} // namespace

Rule dns_rule() {
    return {.allow = true,
            .target = Group::host,
            .protocols = {RuleProtocol::udp, RuleProtocol::tcp},
            .ports = {{dns_port, dns_port}}};
}

std::string Rule::to_string() const {
    std::string text(actions[allow ? 0 : 1]);
    if (is_dns(*this))
        return text + "@dns";
    if (direction != RuleDirection::egress)
        text += ":" + std::string(directions[static_cast<std::size_t>(direction)]);
    text += "@" + target_text(target);
    if (!protocols.empty())
        text += ":" + std::string(protocol_words[static_cast<std::size_t>(protocols[0])]);
    else if (!ports.empty())
        text += ":any";
    if (!ports.empty()) {
        text += ":" + std::to_string(ports[0].first);
        if (ports[0].last != ports[0].first)
            text += "-" + std::to_string(ports[0].last);
    }
    return text;
}

Result<std::vector<Rule>> parse_rules(std::string_view list) {
    std::vector<Rule> rules;
    for (std::size_t begin = 0; begin <= list.size();) {
        const std::size_t end = std::min(list.find(',', begin), list.size());
        const std::string_view item = trimmed(list.substr(begin, end - begin));
        if (!item.empty())
            rules.push_back(MSB_TRY(parse_rule(item)));
        if (rules.size() > most_rules)
            return fail(ErrorKind::limit_exceeded, "more than 10000 network rules");
        begin = end + 1;
    }
    return rules;
}

} // namespace msb::net
