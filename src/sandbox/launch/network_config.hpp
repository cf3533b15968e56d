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
    /// More addresses that hand out credentials than those that are known.
    std::vector<Prefix> metadata;
    /// Guests look names up in the domains of this machine's resolv.conf, with its options.
    bool search_domains = true;

    /// Of the whole configuration. An error for anything of `network` that is not understood: a
    /// guest must not reach more than was meant.
    static Result<NetworkConfig> parse(const json::Value& configuration);
};

} // namespace msb
