// Names to addresses from the guest's own configuration: /etc/hosts, /etc/resolv.conf and the DNS
// messages (RFC 1035). Everything here only looks at bytes that somebody in the guest chose.
#pragma once

#include "base/bytes.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msb::agent {

struct IpAddress {
    bool v6 = false;
    std::array<std::uint8_t, 16> bytes{}; ///< the first four for IPv4
    std::uint32_t scope = 0;              ///< interface of a link-local IPv6 address

    bool operator==(const IpAddress&) const = default;
};

/// "127.0.0.1", "::1", "[::1]", "fe80::1%eth0" (or the interface's number).
std::optional<IpAddress> parse_address(std::string_view text);

/// Addresses that a hosts(5) file gives a name, at most max_addresses.
std::vector<IpAddress> find_in_hosts(std::string_view file, std::string_view name);

struct ResolverConfig {
    std::vector<IpAddress> servers; ///< at most three, as resolv.conf(5) says
    std::vector<std::string> search;
    unsigned dots = 1;     ///< a name with fewer is tried with the search list first
    unsigned seconds = 5;  ///< per question
    unsigned attempts = 2; ///< per server
};
ResolverConfig parse_resolver_config(std::string_view file);

/// The names to ask for, in this order; a name that ends with a dot is complete.
std::vector<std::string> candidate_names(const ResolverConfig& config, std::string_view name);

enum class RecordType : std::uint16_t { a = 1, aaaa = 28 };

/// A query for one record type, recursion desired. Nothing if the name cannot be one.
std::optional<Bytes> make_question(std::uint16_t id, std::string_view name, RecordType type);

struct Answer {
    enum class Outcome { addresses, no_such_name, no_such_record, truncated, server_failed };
    Outcome outcome = Outcome::server_failed;
    std::vector<IpAddress> addresses;
};
/// Nothing if the message does not answer this question.
std::optional<Answer> parse_answer(BytesView message, BytesView question);

inline constexpr std::size_t max_addresses = 16;

} // namespace msb::agent
