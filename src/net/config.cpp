#include "net/config.hpp"

#include <nlohmann/json.hpp>

namespace msb::net {

using nlohmann::json;

namespace {

json to_document(const std::optional<Subnet>& subnet) {
    if (!subnet)
        return nullptr;
    return {{"guest", subnet->guest.to_string()},
            {"gateway", subnet->gateway.to_string()},
            {"prefix", subnet->prefix}};
}

Result<IpAddress> parse_address(const json& text) {
    const auto address = IpAddress::parse_scoped(text.get<std::string>());
    if (!address)
        return fail(ErrorKind::corrupt, "not an address: " + text.get<std::string>());
    return *address;
}

Result<Prefix> parse_prefix(const json& text) {
    const auto prefix = Prefix::parse(text.get<std::string>());
    if (!prefix)
        return fail(ErrorKind::corrupt, "not a prefix: " + text.get<std::string>());
    return *prefix;
}

Result<std::optional<Subnet>> parse_subnet(const json& document, bool v6) {
    if (document.is_null())
        return std::nullopt;
    Subnet subnet;
    subnet.guest = MSB_TRY(parse_address(document.at("guest")));
    subnet.gateway = MSB_TRY(parse_address(document.at("gateway")));
    document.at("prefix").get_to(subnet.prefix);
    if (subnet.guest.v6 != v6 || subnet.gateway.v6 != v6)
        return fail(ErrorKind::corrupt, "an address of the wrong family");
    return subnet;
}

} // namespace

std::string NetdConfig::to_json() const {
    json resolver_list = json::array();
    for (const Endpoint& resolver : resolvers)
        resolver_list.push_back(
            {{"address", resolver.address.to_string()}, {"port", resolver.port}});
    json metadata_list = json::array();
    for (const Prefix& prefix : policy.metadata)
        metadata_list.push_back(prefix.to_string());
    json published_list = json::array();
    for (const PublishedSocket& socket : published)
        published_list.push_back(
            {{"fd", socket.fd}, {"udp", socket.udp}, {"guest_port", socket.guest_port}});
    const json document = {
        {"guest_mac", guest_mac},
        {"gateway_mac", gateway_mac},
        {"mtu", mtu},
        {"ipv4", to_document(v4)},
        {"ipv6", to_document(v6)},
        {"policy",
         {{"public", policy.public_network},
          {"private", policy.private_network},
          {"host", policy.host},
          {"all", policy.all},
          {"metadata", metadata_list}}},
        {"resolvers", resolver_list},
        {"published", published_list},
        {"max_connections", max_connections},
        {"log_level", log_level},
    };
    return document.dump();
}

Result<NetdConfig> NetdConfig::from_json(std::string_view text) {
    try {
        const json document = json::parse(text);
        NetdConfig config;
        document.at("guest_mac").get_to(config.guest_mac);
        document.at("gateway_mac").get_to(config.gateway_mac);
        document.at("mtu").get_to(config.mtu);
        config.v4 = MSB_TRY(parse_subnet(document.at("ipv4"), false));
        config.v6 = MSB_TRY(parse_subnet(document.at("ipv6"), true));
        const json& policy = document.at("policy");
        policy.at("public").get_to(config.policy.public_network);
        policy.at("private").get_to(config.policy.private_network);
        policy.at("host").get_to(config.policy.host);
        policy.at("all").get_to(config.policy.all);
        for (const json& item : policy.at("metadata"))
            config.policy.metadata.push_back(MSB_TRY(parse_prefix(item)));
        for (const json& item : document.at("resolvers"))
            config.resolvers.push_back(
                {MSB_TRY(parse_address(item.at("address"))), item.at("port").get<std::uint16_t>()});
        for (const json& item : document.at("published"))
            config.published.push_back({item.at("fd").get<int>(), item.at("udp").get<bool>(),
                                        item.at("guest_port").get<std::uint16_t>()});
        document.at("max_connections").get_to(config.max_connections);
        document.at("log_level").get_to(config.log_level);
        return config;
    } catch (const json::exception& error) {
        return fail(ErrorKind::corrupt, std::string("netd configuration: ") + error.what());
    }
}

} // namespace msb::net
