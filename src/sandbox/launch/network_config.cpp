#include "sandbox/launch/network_config.hpp"

#include "json/text.hpp"

namespace msb {

namespace {

constexpr std::size_t most_metadata = 256;

Result<std::vector<Prefix>> parse_metadata(const json::Value& list) {
    if (!list.is_array() || list.elements().size() > most_metadata)
        return fail(ErrorKind::invalid_argument,
                    "network.metadata_addresses is a list of at most 256 addresses");
    std::vector<Prefix> prefixes;
    for (const json::Value& item : list.elements()) {
        const auto prefix = item.is_text() ? Prefix::parse(*item.text()) : std::nullopt;
        if (!prefix)
            return fail(ErrorKind::invalid_argument,
                        "network.metadata_addresses: not an address or prefix: " +
                            json::to_text(item));
        prefixes.push_back(*prefix);
    }
    return prefixes;
}

} // namespace

Result<NetworkConfig> NetworkConfig::parse(const json::Value& configuration) {
    NetworkConfig config;
    const json::Value* network = configuration.find("network");
    if (network == nullptr)
        return config;
    if (!network->is_object())
        return fail(ErrorKind::invalid_argument, "network is not an object");
    for (const auto& [key, value] : network->members()) {
        if (key == "metadata_addresses")
            config.metadata = MSB_TRY(parse_metadata(value));
        else if (key == "search_domains" && value.is_boolean())
            config.search_domains = *value.boolean();
        else if (key == "search_domains")
            return fail(ErrorKind::invalid_argument, "network.search_domains is true or false");
        else
            return fail(Error(ErrorKind::invalid_argument, "network." + key + " is unknown")
                            .with_hint("known are: metadata_addresses, search_domains"));
    }
    return config;
}

} // namespace msb
