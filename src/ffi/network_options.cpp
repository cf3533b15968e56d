// Options of the C ABI that are about the network: "ports" and "network".
#include "ffi/options.hpp"
#include "spec/network_spec.hpp"

namespace msb::ffi {

namespace {

PublishedPort read_port(Options& options, Options port) {
    constexpr std::uint64_t largest = 65535;
    PublishedPort published;
    published.bind = port.text("bind", published.bind);
    published.host = static_cast<std::uint16_t>(port.number("host_port", largest).value_or(0));
    published.guest = static_cast<std::uint16_t>(port.number("guest_port", largest).value_or(0));
    published.udp = port.choice("protocol", {"tcp", "udp"}) == "udp";
    if (const auto checked = port.done(); !checked)
        options.complain(checked.error().error.message());
    return published;
}

/// Whether it is "allow"; nothing: it was not chosen.
std::optional<bool> read_action(Options& options, const char* name) {
    if (options.any(name).is_null())
        return std::nullopt;
    return options.choice(name, {"allow", "deny"}) == "allow";
}

void read_dns(Options& options, Options given, DnsSpec& dns) {
    for (const auto& text : given.texts("nameservers").value_or(std::vector<std::string>())) {
        const auto server = parse_nameserver(text);
        if (server)
            dns.nameservers.push_back(*server);
        else
            options.complain(server.error().message());
    }
    dns.query_timeout_ms =
        static_cast<std::uint32_t>(given.number("query_timeout_ms", UINT32_MAX).value_or(0));
    dns.rebind_protection = given.flag("rebind_protection", true);
    if (const auto checked = given.done(); !checked)
        options.complain(checked.error().error.message());
}

} // namespace

void read_network(Options& options, NetworkSpec& network) {
    const json::Value ports = options.any("ports");
    if (ports.is_array())
        for (const json::Value& port : ports.elements())
            network.published.push_back(read_port(options, Options(port, "ports.")));
    else if (!ports.is_null())
        options.complain("'ports' is not an array");
    const json::Value value = options.any("network");
    if (value.is_null())
        return;
    if (const auto enabled = value.boolean()) {
        network.enabled = *enabled;
        return;
    }
    Options given(value, "network.");
    auto profiles =
        parse_net_profiles(given.texts("profiles").value_or(std::vector<std::string>()));
    if (profiles)
        network.profiles = std::move(*profiles);
    else
        options.complain(profiles.error().message());
    auto rules = parse_net_rules(given.texts("rules").value_or(std::vector<std::string>()));
    if (rules)
        network.rules = std::move(*rules);
    else
        options.complain(rules.error().message());
    network.default_egress = read_action(given, "default_egress");
    network.default_ingress = read_action(given, "default_ingress");
    if (const json::Value dns = given.any("dns"); !dns.is_null())
        read_dns(options, Options(dns, "network.dns."), network.dns);
    network.max_connections = static_cast<std::uint32_t>(
        given.number("max_connections", most_connections).value_or(network.max_connections));
    if (const auto checked = given.done(); !checked)
        options.complain(checked.error().error.message());
}

} // namespace msb::ffi
