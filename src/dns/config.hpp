// Where names are looked up: hosts(5) and resolv.conf(5). The files are a guest's or the host's;
// either may hold anything.
#pragma once

#include "base/address.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace msb::dns {

inline constexpr std::size_t max_addresses = 16;

/// Addresses that a hosts(5) file gives a name, at most max_addresses.
std::vector<IpAddress> find_in_hosts(std::string_view file, std::string_view name);

struct ResolverConfig {
    std::vector<IpAddress> servers; ///< at most three, as resolv.conf(5) says
    std::vector<std::string> search;
    std::vector<std::string> options; ///< as they stand there, known ones and others
    unsigned dots = 1;                ///< a name with fewer is tried with the search list first
    unsigned seconds = 5;             ///< per question
    unsigned attempts = 2;            ///< per server
};
ResolverConfig parse_resolver_config(std::string_view file);

/// The names to ask for, in this order; a name that ends with a dot is complete.
std::vector<std::string> candidate_names(const ResolverConfig& config, std::string_view name);

} // namespace msb::dns
