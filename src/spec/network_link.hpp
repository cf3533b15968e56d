// How a guest is connected: its place in its network, and how fast that is.
#pragma once

#include "base/address.hpp"
#include "base/result.hpp"
#include "base/token_bucket.hpp"
#include "json/fwd.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace msb {

/// What is not given follows from the sandbox's name.
struct InterfaceSpec {
    std::optional<Mac> mac; ///< of the guest
    std::uint16_t mtu = 1500;
    /// Of the guest. The family is there then, whatever routes the host has.
    std::optional<IpAddress> v4, v6;
    /// Where its addresses come from: a /30 of the one, a /64 of the other.
    std::optional<Prefix> v4_pool, v6_pool;

    bool operator==(const InterfaceSpec&) const = default;
};

inline constexpr std::uint16_t least_mtu = 1280, most_mtu = 65520; // RFC 8200 §5

/// "10M" or "10M/500ms": bytes (K, M, G: of 1024) in a time, one second unless given. Of ops the same
/// with a plain number. `burst` the number alone.
Result<Rate> parse_rate(std::string_view text, bool bytes, std::string_view burst = {});
Result<Mac> parse_mac(std::string_view text);
std::string to_string(const Mac& mac);

Status validate_interface(const InterfaceSpec& interface);

// As documents. Members that are null are as if they were not there; errors name the member.
/// {"mac", "mtu", "ipv4", "ipv6", "ipv4_pool", "ipv6_pool"}
json::Value to_document(const InterfaceSpec& interface);
Result<InterfaceSpec> read_interface(const json::Value& document);
/// {"egress" and "ingress": {"bandwidth" and "ops": {"size", "refill_time_ms", "one_time_burst"}}};
/// a bucket may also be text.
json::Value to_document(const LinkRates& rates);
Result<LinkRates> read_rates(const json::Value& document);

} // namespace msb
