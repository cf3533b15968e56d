#include "sandbox/launch/network_config.hpp"

#include "image/user_config.hpp"
#include "json/reader.hpp"
#include "json/text.hpp"
#include "spec/network_spec.hpp"

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

Result<std::vector<std::string>> parse_profiles(const json::Value& list) {
    std::vector<std::string> words;
    if (!json::read(list, words) || words.empty())
        return fail(ErrorKind::invalid_argument,
                    "network.default_profiles is a list of profiles, [\"none\"] for none");
    return parse_net_profiles(words);
}

} // namespace

Result<NetworkConfig> NetworkConfig::read(const std::string& home) {
    const image::UserConfig file = MSB_TRY(image::read_user_config(home));
    return MSB_TRY_WRAP(parse(file.content), "configuration '" + file.path + "'");
}

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
        else if (key == "default_profiles")
            config.default_profiles = MSB_TRY(parse_profiles(value));
        else if (key == "search_domains")
            return fail(ErrorKind::invalid_argument, "network.search_domains is true or false");
        else
            return fail(
                Error(ErrorKind::invalid_argument, "network." + key + " is unknown")
                    .with_hint("known are: default_profiles, metadata_addresses, search_domains"));
    }
    return config;
}

} // namespace msb
