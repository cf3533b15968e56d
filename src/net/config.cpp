#include "net/config.hpp"

#include "json/reader.hpp"
#include "json/text.hpp"

#include <algorithm>
#include <array>

namespace msb::net {

namespace {

json::Value write_subnet(const std::optional<Subnet>& subnet) {
    if (!subnet)
        return nullptr;
    return {{"guest", subnet->guest.to_string()},
            {"gateway", subnet->gateway.to_string()},
            {"prefix", subnet->prefix}};
}

IpAddress read_address(json::Reader& document, const char* key) {
    const auto text = document.get<std::string>(key);
    const auto address = IpAddress::parse_scoped(text);
    if (!address)
        document.complain("not an address: " + text);
    return address.value_or(IpAddress());
}

std::optional<Subnet> read_subnet(json::Reader& document, const char* key, bool v6) {
    if (document.member(key).is_null())
        return std::nullopt;
    json::Reader item(document, key);
    Subnet subnet;
    subnet.guest = read_address(item, "guest");
    subnet.gateway = read_address(item, "gateway");
    item.get("prefix", subnet.prefix);
    if (subnet.guest.v6 != v6 || subnet.gateway.v6 != v6)
        item.complain("an address of the wrong family");
    return subnet;
}

void read_mac(json::Reader& document, const char* key, Mac& mac) {
    const auto bytes = document.get<std::vector<std::uint8_t>>(key);
    if (bytes.size() == mac.size())
        std::ranges::copy(bytes, mac.begin());
    else
        document.complain("not an Ethernet address");
}

json::Value write_rate(const std::optional<Rate>& rate) {
    return rate ? json::array({rate->size, rate->refill_ms, rate->burst}) : json::Value();
}

/// In the order of LinkRates' members.
json::Value write_rates(const LinkRates& rates) {
    json::Value list = json::array();
    for (const RateLimits* limits : {&rates.egress, &rates.ingress})
        for (const auto* rate : {&limits->bandwidth, &limits->ops})
            list.push_back(write_rate(*rate));
    return list;
}

LinkRates read_rates(json::Reader& document) {
    LinkRates rates;
    const std::array into = {&rates.egress.bandwidth, &rates.egress.ops, &rates.ingress.bandwidth,
                             &rates.ingress.ops};
    const auto& list = document.list("rates");
    for (std::size_t i = 0; i < into.size() && i < list.size(); ++i) {
        std::vector<std::uint64_t> numbers;
        if (list[i].is_null())
            continue;
        if (json::read(list[i], numbers) && numbers.size() == 3 && numbers[0] > 0 && numbers[1] > 0)
            *into[i] = Rate{numbers[0], numbers[1], numbers[2]};
        else
            document.complain("not a rate");
    }
    return rates;
}

json::Value write_proxy(const std::optional<Proxy>& proxy) {
    if (!proxy)
        return nullptr;
    return {{"socks", proxy->kind == Proxy::Kind::socks5},
            {"address", proxy->endpoint.address.to_string()},
            {"port", proxy->endpoint.port},
            {"username", proxy->username},
            {"password", proxy->password},
            {"exempt", proxy->exempt}};
}

std::optional<Proxy> read_proxy(json::Reader& document) {
    if (document.member("proxy").is_null())
        return std::nullopt;
    json::Reader item(document, "proxy");
    Proxy proxy;
    proxy.kind = item.get<bool>("socks") ? Proxy::Kind::socks5 : Proxy::Kind::http;
    proxy.endpoint.address = read_address(item, "address");
    item.get("port", proxy.endpoint.port);
    item.get("username", proxy.username);
    item.get("password", proxy.password);
    item.get("exempt", proxy.exempt);
    return proxy;
}

json::Value write_interception(const std::optional<InterceptionPlan>& plan) {
    if (!plan)
        return nullptr;
    return {{"ports", json::array(plan->ports)},
            {"bypass", plan->bypass},
            {"block_quic", plan->block_quic}};
}

std::optional<InterceptionPlan> read_interception(json::Reader& document) {
    if (document.member("interception").is_null())
        return std::nullopt;
    json::Reader item(document, "interception");
    InterceptionPlan plan;
    item.get("ports", plan.ports);
    item.get("bypass", plan.bypass);
    item.get("block_quic", plan.block_quic);
    return plan;
}

json::Value write_membership(const std::optional<MembershipPlan>& plan) {
    if (!plan)
        return nullptr;
    return {{"network", plan->network},
            {"subnet", plan->subnet.to_string()},
            {"address", plan->address.to_string()}};
}

std::optional<MembershipPlan> read_membership(json::Reader& document) {
    if (document.member("membership").is_null())
        return std::nullopt;
    json::Reader item(document, "membership");
    MembershipPlan plan;
    item.get("network", plan.network);
    plan.address = read_address(item, "address");
    const auto subnet = Prefix::parse(item.get<std::string>("subnet"));
    if (!subnet || !subnet->contains(plan.address))
        item.complain("no network of the address");
    plan.subnet = subnet.value_or(Prefix());
    return plan;
}

json::Value write_policy(const Policy& policy) {
    json::Value rules = json::array(), metadata = json::array();
    for (const Rule& rule : policy.rules)
        rules.push_back(rule.to_string());
    for (const Prefix& prefix : policy.metadata)
        metadata.push_back(prefix.to_string());
    return {{"rules", rules},
            {"egress", policy.egress},
            {"ingress", policy.ingress},
            {"metadata", metadata},
            {"rebind_protection", policy.rebind_protection}};
}

Result<Policy> read_policy(json::Reader& document) {
    Policy policy;
    for (const auto& text : document.get<std::vector<std::string>>("rules"))
        for (Rule& rule : MSB_TRY(parse_rules(text)))
            policy.rules.push_back(std::move(rule));
    document.get("egress", policy.egress);
    document.get("ingress", policy.ingress);
    document.get("rebind_protection", policy.rebind_protection);
    for (const auto& text : document.get<std::vector<std::string>>("metadata")) {
        const auto prefix = Prefix::parse(text);
        if (!prefix)
            document.complain("not a prefix: " + text);
        policy.metadata.push_back(prefix.value_or(Prefix()));
    }
    return policy;
}

void read_lists(json::Reader& document, NetdConfig& config) {
    for (const json::Value& element : document.list("resolvers")) {
        json::Reader item(document, element);
        Endpoint& resolver = config.resolvers.emplace_back();
        resolver.address = read_address(item, "address");
        item.get("port", resolver.port);
    }
    for (const json::Value& element : document.list("published")) {
        json::Reader item(document, element);
        PublishedSocket& socket = config.published.emplace_back();
        item.get("fd", socket.fd);
        item.get("udp", socket.udp);
        item.get("guest_port", socket.guest_port);
    }
}

} // namespace

std::string NetdConfig::to_json() const {
    json::Value resolver_list = json::array();
    for (const Endpoint& resolver : resolvers)
        resolver_list.push_back(
            {{"address", resolver.address.to_string()}, {"port", resolver.port}});
    json::Value published_list = json::array();
    for (const PublishedSocket& socket : published)
        published_list.push_back(
            {{"fd", socket.fd}, {"udp", socket.udp}, {"guest_port", socket.guest_port}});
    return json::to_text({
        {"guest_mac", json::array(guest_mac)},
        {"gateway_mac", json::array(gateway_mac)},
        {"mtu", mtu},
        {"rates", write_rates(rates)},
        {"proxy", write_proxy(proxy)},
        {"interception", write_interception(interception)},
        {"membership", write_membership(membership)},
        {"ipv4", write_subnet(v4)},
        {"ipv6", write_subnet(v6)},
        {"policy", write_policy(policy)},
        {"resolvers", resolver_list},
        {"resolver_file", resolver_file},
        {"dns_timeout_ms", dns_timeout_ms},
        {"published", published_list},
        {"max_connections", max_connections},
        {"sandbox", sandbox},
        {"explain_denials", explain_denials},
        {"log_level", log_level},
    });
}

Result<NetdConfig> NetdConfig::from_json(std::string_view text) {
    const json::Value value = MSB_TRY_WRAP(json::parse(text), "netd configuration");
    json::Reader document(value);
    NetdConfig config;
    read_mac(document, "guest_mac", config.guest_mac);
    read_mac(document, "gateway_mac", config.gateway_mac);
    document.get("mtu", config.mtu);
    config.rates = read_rates(document);
    config.proxy = read_proxy(document);
    config.interception = read_interception(document);
    config.membership = read_membership(document);
    config.v4 = read_subnet(document, "ipv4", false);
    config.v6 = read_subnet(document, "ipv6", true);
    json::Reader policy(document, "policy");
    config.policy = MSB_TRY_WRAP(read_policy(policy), "netd configuration");
    read_lists(document, config);
    document.get("resolver_file", config.resolver_file);
    document.get("dns_timeout_ms", config.dns_timeout_ms);
    document.get("max_connections", config.max_connections);
    document.get("sandbox", config.sandbox);
    document.get("explain_denials", config.explain_denials);
    document.get("log_level", config.log_level);
    MSB_TRY_WRAP(document.status(), "netd configuration");
    return config;
}

std::string PolicyChange::to_json() const {
    return json::to_text({{"policy", write_policy(policy)}, {"max_connections", max_connections}});
}

Result<PolicyChange> PolicyChange::from_json(std::string_view text) {
    const json::Value value = MSB_TRY_WRAP(json::parse(text), "network policy");
    json::Reader document(value);
    PolicyChange change;
    json::Reader policy(document, "policy");
    change.policy = MSB_TRY_WRAP(read_policy(policy), "network policy");
    document.get("max_connections", change.max_connections);
    MSB_TRY_WRAP(document.status(), "network policy");
    if (change.max_connections == 0)
        return fail(ErrorKind::invalid_argument, "network policy: no connections");
    return change;
}

} // namespace msb::net
