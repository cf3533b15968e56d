// The part of the user's config.json that is about the network of every sandbox:
//
//   {"network": {"metadata_addresses": ["203.0.113.9", "fd00:77::/64"], "search_domains": false,
//                "default_profiles": ["none"]}}
#pragma once

#include "base/address.hpp"
#include "base/result.hpp"
#include "json/value.hpp"

#include <string>
#include <vector>

namespace msb {

struct NetworkConfig {
    /// Metadata services beside the known ones.
    std::vector<Prefix> metadata;
    /// Whether guests get the search domains and options of this machine's resolv.conf.
    bool search_domains = true;
    /// Of sandboxes that were made without a word about what they may reach.
    std::vector<std::string> default_profiles = {"public"};

    /// Of the user's configuration in `home`.
    static Result<NetworkConfig> read(const std::string& home);
    /// Reads the part of the whole configuration. Anything in `network` that is not understood is
    /// an error, because a guest must not reach more than was meant.
    static Result<NetworkConfig> parse(const json::Value& configuration);
};

} // namespace msb
