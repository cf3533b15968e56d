#include "sandbox/launch/network_config.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace msb {

using nlohmann::json;

namespace {

constexpr std::size_t most_metadata = 256;

Result<std::vector<Prefix>> parse_metadata(const json& list) {
    if (!list.is_array() || list.size() > most_metadata)
        return fail(ErrorKind::invalid_argument,
                    "network.metadata_addresses is a list of at most 256 addresses");
    std::vector<Prefix> prefixes;
    for (const json& item : list) {
        const auto prefix =
            item.is_string() ? Prefix::parse(item.get<std::string>()) : std::nullopt;
        if (!prefix)
            return fail(ErrorKind::invalid_argument,
                        "network.metadata_addresses: not an address or prefix: " + item.dump());
        prefixes.push_back(*prefix);
    }
    return prefixes;
}

Result<NetworkConfig> parse_network(const json& document) {
    NetworkConfig config;
    if (!document.is_object())
        return fail(ErrorKind::invalid_argument, "it is not a JSON object");
    const auto network = document.find("network");
    if (network == document.end())
        return config;
    if (!network->is_object())
        return fail(ErrorKind::invalid_argument, "network is not an object");
    for (const auto& [key, value] : network->items()) {
        if (key == "metadata_addresses")
            config.metadata = MSB_TRY(parse_metadata(value));
        else if (key == "search_domains" && value.is_boolean())
            config.search_domains = value.get<bool>();
        else if (key == "search_domains")
            return fail(ErrorKind::invalid_argument, "network.search_domains is true or false");
        else
            return fail(Error(ErrorKind::invalid_argument, "network." + key + " is unknown")
                            .with_hint("known are: metadata_addresses, search_domains"));
    }
    return config;
}

} // namespace

Result<NetworkConfig> NetworkConfig::parse(const UserConfig& config) {
    if (config.text.empty())
        return NetworkConfig();
    const json document = json::parse(config.text, nullptr, false);
    auto parsed = parse_network(document);
    if (!parsed)
        return fail(std::move(parsed).error().wrap("configuration '" + config.path + "'"));
    return parsed;
}

} // namespace msb
