// The part of the user's config.json that is about the network of every sandbox:
//
//   {"network": {"metadata_addresses": ["203.0.113.9", "fd00:77::/64"], "search_domains": false}}
#pragma once

#include "base/address.hpp"
#include "base/result.hpp"
#include "json/value.hpp"

#include <vector>

namespace msb {

struct NetworkConfig {
    /// Metadata services beside the known ones.
    std::vector<Prefix> metadata;
    /// Whether guests get the search domains and options of this machine's resolv.conf.
    bool search_domains = true;

    /// Reads the part of the whole configuration. Anything in `network` that is not understood is
    /// an error, because a guest must not reach more than was meant.
    static Result<NetworkConfig> parse(const json::Value& configuration);
};

} // namespace msb
