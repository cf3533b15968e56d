#include "cli/network_options.hpp"

#include "cli/parser.hpp"
#include "sandbox/policies.hpp"

namespace msb::cli {

namespace {

void add_reach_options(Command& command, NetworkOptions& options) {
    const Option no_net =
        command.flag("--no-net", &options.no_net,
                     "No network but what --net-rule allows: without rules, no interface");
    command
        .option("--net", &options.net,
                "What the guest may reach: public, private, host; all; none (repeatable)")
        .excludes(no_net);
    command
        .option("--net-rule", &options.rules,
                "(allow|deny)[:egress|:ingress|:any]@TARGET[:PROTOCOL[:PORTS]]: the first that "
                "matches decides, before --net (repeatable)")
        .value_name("RULE,...");
    command
        .flag("--net-observe", &options.observe,
              "Allow what no rule denies, but for metadata services, and record it (msb net learn)")
        .excludes(no_net);
    const Option policy =
        command
            .option("--policy", &options.policy,
                    "A policy by name: a file of MSB_HOME/policies, or one that comes along "
                    "(msb net policies)")
            .excludes(no_net);
    command
        .option("--net-conf", &options.file,
                "YAML or JSON file that says what the guest may reach, as a policy does")
        .excludes(no_net)
        .excludes(policy);
    const Option both = command
                            .option("--net-default", &options.default_both,
                                    "What is done with what no rule and no profile matches")
                            .one_of({"allow", "deny"})
                            .excludes(no_net);
    command
        .option("--net-default-egress", &options.default_egress,
                "The same for what the guest begins (default: deny)")
        .one_of({"allow", "deny"})
        .excludes(no_net)
        .excludes(both);
    command
        .option("--net-default-ingress", &options.default_ingress,
                "The same for what comes to published ports (default: allow)")
        .one_of({"allow", "deny"})
        .excludes(no_net)
        .excludes(both);
}

void add_publish_option(Command& command, NetworkOptions& options) {
    command
        .option("-p,--publish", &options.publish,
                "[BIND:]HOST:GUEST[/tcp|udp]: a port of the host that leads to the guest's, or a "
                "range of them (8000-8010:8000-8010); HOST 0: one that is free (repeatable)")
        .excludes(command.find("--no-net"));
}

void add_limit_options(Command& command, NetworkOptions& options) {
    command
        .option("--max-connections", &options.max_connections,
                "TCP connections at a time (default: 256)")
        .within(1, most_connections);
}

void add_denial_options(Command& command, NetworkOptions& options) {
    command.flag("--no-net-explanations", &options.no_explanations,
                 "Reset refused connections of plain HTTP, too, instead of answering them");
}

void add_dns_options(Command& command, NetworkOptions& options) {
    command
        .option("--dns-nameserver", &options.nameservers,
                "IP[:PORT] to ask in place of this machine's name servers (repeatable)")
        .value_name("IP[:PORT]");
    command
        .option("--dns-query-timeout-ms", &options.query_timeout_ms,
                "Until a lookup is given up (default: 10000)")
        .within(1, 60'000);
    command.flag("--no-dns-rebind-protection", &options.no_rebind_protection,
                 "Names may lead to any address, not only to public ones and those that a rule "
                 "allows");
}

} // namespace

void add_network_options(Command& command, NetworkOptions& options) {
    add_reach_options(command, options);
    add_dns_options(command, options);
    add_denial_options(command, options);
    add_limit_options(command, options);
    add_publish_option(command, options);
}

void add_modification_options(Command& command, NetworkOptions& options) {
    add_reach_options(command, options);
    add_limit_options(command, options);
}

Result<NetworkSpec> said_network(const NetworkOptions& options) {
    NetworkSpec network;
    network.profiles = MSB_TRY(parse_net_profiles(options.net));
    network.rules = MSB_TRY(parse_net_rules(options.rules));
    if (options.observe) { // all that rules do not deny, but for credentials
        network.profiles = {"all"};
        network.rules.push_back({.allow = false, .target = net::Group::metadata});
    }
    network.enabled = !options.no_net || !network.rules.empty();
    const auto chosen = [&](const std::string& one) -> std::optional<bool> {
        const std::string& word = one.empty() ? options.default_both : one;
        return word.empty() ? std::nullopt : std::optional(word == "allow");
    };
    network.default_egress = chosen(options.default_egress);
    network.default_ingress = chosen(options.default_ingress);
    for (const std::string& text : options.publish)
        for (PublishedPort& port : MSB_TRY(parse_published_ports(text)))
            network.published.push_back(std::move(port));
    for (const std::string& text : options.nameservers)
        network.dns.nameservers.push_back(MSB_TRY(parse_nameserver(text)));
    network.dns.query_timeout_ms = static_cast<std::uint32_t>(options.query_timeout_ms.value_or(0));
    network.dns.rebind_protection = !options.no_rebind_protection;
    network.explain_denials = !options.no_explanations;
    if (options.max_connections)
        network.max_connections = static_cast<std::uint32_t>(*options.max_connections);
    network.policy_name = options.policy;
    if (!options.file.empty())
        network = combine(MSB_TRY(read_network_file(options.file)), std::move(network));
    return network;
}

Result<NetworkSpec> make_network(const NetworkOptions& options, const Home& home) {
    return complete_network(home, MSB_TRY(said_network(options)));
}

} // namespace msb::cli
