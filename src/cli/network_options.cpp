#include "cli/network_options.hpp"

#include "cli/parser.hpp"
#include "sandbox/policies.hpp"
#include "sandbox/secrets.hpp"
#include "spec/paths.hpp"

namespace msb::cli {

namespace {

void add_reach_options(Command& command, NetworkOptions& options) {
    const Option no_net = command.flag(
        "--no-net", &options.no_net,
        "No network but what --net-rule and --network allow: without them, no interface");
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
            .names(ValueOf::policy)
            .excludes(no_net);
    command
        .option("--net-conf", &options.file,
                "YAML or JSON file that says what the guest may reach, as a policy does")
        .names(ValueOf::file)
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

void add_join_option(Command& command, NetworkOptions& options) {
    command
        .option("--network", &options.network,
                "A private network to join: its members reach each other by their names "
                "(msb network create)")
        .names(ValueOf::network)
        .value_name("NETWORK");
}

void add_limit_options(Command& command, NetworkOptions& options) {
    command
        .option("--max-connections", &options.max_connections,
                "TCP connections at a time (default: 256)")
        .within(1, most_connections);
}

void add_rate_options(Command& command, LinkOptions& link) {
    const auto add = [&](const char* flag, const char* burst_flag, LinkOptions::Rate& rate,
                         bool bytes, const char* what) {
        command.option(flag, &rate.rate, what).value_name(bytes ? "SIZE[/TIME]" : "COUNT[/TIME]");
        command.option(burst_flag, &rate.burst, "So much more, once, at the start")
            .value_name(bytes ? "SIZE" : "COUNT");
    };
    add("--net-egress-bandwidth", "--net-egress-bandwidth-burst", link.egress.bandwidth, true,
        "Bytes that the guest may send in a time: 10M, 1M/100ms");
    add("--net-egress-ops", "--net-egress-ops-burst", link.egress.ops, false,
        "Frames that the guest may send in a time");
    add("--net-ingress-bandwidth", "--net-ingress-bandwidth-burst", link.ingress.bandwidth, true,
        "Bytes that the guest is sent in a time");
    add("--net-ingress-ops", "--net-ingress-ops-burst", link.ingress.ops, false,
        "Frames that the guest is sent in a time");
}

void add_interface_options(Command& command, LinkOptions& link) {
    command
        .option("--net-ipv4-pool", &link.v4_pool,
                "Where the guest's IPv4 address comes from (default: 172.16.0.0/12)")
        .value_name("PREFIX");
    command
        .option("--net-ipv6-pool", &link.v6_pool,
                "Where its IPv6 address comes from (default: fd42:6d73:62::/48)")
        .value_name("PREFIX");
    command.option("--net-ipv4", &link.v4, "The guest's IPv4 address; its gateway's is one less")
        .value_name("ADDRESS");
    command
        .option("--net-ipv6", &link.v6,
                "The guest's IPv6 address; its gateway's is the first of the /64")
        .value_name("ADDRESS");
    command.option("--net-mac", &link.mac, "The guest's Ethernet address").value_name("ADDRESS");
    command.option("--net-mtu", &link.mtu, "Size of the largest IP packet (default: 1500)")
        .within(least_mtu, most_mtu);
}

Result<std::optional<Rate>> read_rate(const LinkOptions::Rate& given, bool bytes) {
    if (given.rate.empty() && given.burst.empty())
        return std::nullopt;
    if (given.rate.empty())
        return fail(ErrorKind::invalid_argument,
                    "a burst ('" + given.burst + "') needs the rate that it is beyond");
    return std::optional(MSB_TRY(parse_rate(given.rate, bytes, given.burst)));
}

Result<RateLimits> read_limits(const LinkOptions::Direction& given) {
    return RateLimits{.bandwidth = MSB_TRY(read_rate(given.bandwidth, true)),
                      .ops = MSB_TRY(read_rate(given.ops, false))};
}

template <typename T>
Status read_place(const std::string& text, std::optional<T>& into, std::string_view what) {
    if (text.empty())
        return {};
    into = T::parse(text);
    if (!into)
        return fail(ErrorKind::invalid_argument, "not " + std::string(what) + ": " + text);
    return {};
}

Status read_link(const LinkOptions& given, NetworkSpec& network) {
    network.rates.egress = MSB_TRY(read_limits(given.egress));
    network.rates.ingress = MSB_TRY(read_limits(given.ingress));
    InterfaceSpec& interface = network.interface;
    MSB_TRY(read_place(given.v4, interface.v4, "an address"));
    MSB_TRY(read_place(given.v6, interface.v6, "an address"));
    MSB_TRY(read_place(given.v4_pool, interface.v4_pool, "a prefix"));
    MSB_TRY(read_place(given.v6_pool, interface.v6_pool, "a prefix"));
    if (!given.mac.empty())
        interface.mac = MSB_TRY(parse_mac(given.mac));
    if (given.mtu)
        interface.mtu = static_cast<std::uint16_t>(*given.mtu);
    return validate_interface(interface);
}

void add_proxy_option(Command& command, NetworkOptions& options) {
    command
        .option("--proxy", &options.proxy,
                "http://HOST:PORT or socks5://HOST:PORT that TCP connections go through; env: what "
                "HTTPS_PROXY or ALL_PROXY says at each start")
        .value_name("URL");
}

void add_tls_options(Command& command, TlsOptions& tls) {
    command.flag("--tls-intercept", &tls.intercept,
                 "Open TLS connections on their way, with certificates of an authority that the "
                 "guest trusts; implied by the other --tls options");
    command
        .option("--tls-intercept-port", &tls.ports,
                "Intercept connections to this port (default: 443; repeatable)")
        .value_name("PORT");
    command
        .option("--tls-bypass", &tls.bypass,
                "Leave connections to NAME or *.NAME as they are (repeatable)")
        .value_name("PATTERN");
    command.flag("--no-block-quic", &tls.no_block_quic,
                 "Allow QUIC on those ports, which cannot be intercepted");
    command
        .option("--tls-intercept-ca-cert", &tls.ca_certificate,
                "The authority's certificate (default: $MSB_HOME/tls/ca.crt, else one that is "
                "made at each start)")
        .value_name("PEM")
        .names(ValueOf::file);
    command.option("--tls-intercept-ca-key", &tls.ca_key, "Its key")
        .value_name("PEM")
        .names(ValueOf::file);
    command
        .option("--tls-upstream-ca-cert", &tls.upstream_cas,
                "Trust these servers' authorities, too (repeatable)")
        .value_name("PEM")
        .names(ValueOf::file);
    command
        .option("--tls-upstream-ca-cert-for", &tls.scoped_cas,
                "The same for the servers that PATTERN matches (repeatable)")
        .value_name("PATTERN=PEM");
    command
        .option("--tls-no-verify-upstream-for", &tls.no_verify,
                "Accept any certificate of the servers that PATTERN matches (repeatable)")
        .value_name("PATTERN");
    command
        .option("--tls-client-cert-for", &tls.client_certificates,
                "What this machine shows the servers that PATTERN matches (repeatable)")
        .value_name("PATTERN=PEM[,KEY]");
    command.flag("--trust-host-cas", &tls.trust_host_cas,
                 "The guest trusts the authorities that this machine trusts");
}

Result<TlsSpec> read_tls_options(const TlsOptions& given) {
    TlsSpec tls;
    for (const std::string& text : given.ports) {
        const auto port = parse_port(text);
        if (!port || *port == 0)
            return fail(ErrorKind::invalid_argument, "invalid port to intercept '" + text + "'");
        tls.ports.push_back(*port);
    }
    for (const auto& [texts, into] :
         {std::pair{&given.bypass, &tls.bypass}, std::pair{&given.no_verify, &tls.no_verify}})
        for (const std::string& text : *texts)
            into->push_back(MSB_TRY(parse_host_pattern(text)));
    tls.block_quic = !given.no_block_quic;
    for (const auto& [text, into] : {std::pair{&given.ca_certificate, &tls.ca_certificate},
                                     std::pair{&given.ca_key, &tls.ca_key}})
        if (!text->empty())
            *into = MSB_TRY(absolute_path(*text));
    for (const std::string& path : given.upstream_cas)
        tls.upstream_cas.push_back(MSB_TRY(absolute_path(path)));
    for (const std::string& text : given.scoped_cas)
        tls.scoped_upstream_cas.push_back(MSB_TRY(parse_scoped_file(text)));
    for (const std::string& text : given.client_certificates)
        tls.client_certificates.push_back(MSB_TRY(parse_client_certificate(text)));
    tls.secrets = MSB_TRY(said_secrets(given));
    tls.intercept = given.intercept || tls != TlsSpec();
    tls.trust_host_cas = given.trust_host_cas;
    MSB_TRY(validate_tls(tls));
    return tls;
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

void add_secret_options(Command& command, TlsOptions& tls) {
    command
        .option("--secret", &tls.secrets,
                "ENV[:OPTIONS]@HOST[,HOST]: commands see a placeholder in the variable ENV, and "
                "requests to "
                "these hosts get its value instead (repeatable; implies --tls-intercept)")
        .value_name("SECRET");
    command
        .option("--secret-conf", &tls.secret_files,
                "FILE: secrets as YAML or JSON: {ENV: {hosts: [...], source: ...}} (repeatable)")
        .value_name("FILE")
        .names(ValueOf::file);
    command
        .option(
            "--secret-violation-action,--on-secret-violation", &tls.violation_action,
            "block|block-and-log|block-and-terminate: when a placeholder is sent to another host")
        .one_of({"block", "block-and-log", "block-and-terminate"});
}

Result<SecretsSpec> said_secrets(const TlsOptions& given) {
    SecretsSpec secrets;
    for (const std::string& path : given.secret_files)
        secrets = combine(std::move(secrets), MSB_TRY(read_secret_file(path)));
    for (const std::string& text : given.secrets)
        MSB_TRY(add_secret(secrets, MSB_TRY(parse_secret(text))));
    secrets.action = given.violation_action;
    return secrets;
}

void add_network_options(Command& command, NetworkOptions& options) {
    add_reach_options(command, options);
    add_dns_options(command, options);
    add_join_option(command, options);
    add_denial_options(command, options);
    add_limit_options(command, options);
    add_proxy_option(command, options);
    add_tls_options(command, options.tls);
    add_secret_options(command, options.tls);
    add_rate_options(command, options.link);
    add_interface_options(command, options.link);
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
    network.joined.name = options.network;
    network.enabled = !options.no_net || !network.rules.empty() || network.joined;
    if (options.no_net && network.joined)
        network.profiles = {"none"}; // and not what is usual where nothing is said
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
    MSB_TRY(read_link(options.link, network));
    network.proxy = options.proxy;
    MSB_TRY(validate_proxy(network.proxy));
    network.tls = MSB_TRY(read_tls_options(options.tls));
    network.policy_name = options.policy;
    if (!options.file.empty())
        network = combine(MSB_TRY(read_network_file(options.file)), std::move(network));
    return network;
}

Result<NetworkSpec> make_network(const NetworkOptions& options, const Home& home) {
    return complete_network(home, MSB_TRY(said_network(options)));
}

} // namespace msb::cli
