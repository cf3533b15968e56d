// The records of an answer on its way to a guest: what names and addresses are in it, and what is
// taken out of it. Whoever made the message may have put anything there.
#pragma once

#include "base/address.hpp"
#include "dns/message.hpp"

#include <span>

namespace msb::dns {

constexpr std::uint16_t type_cname = 5, type_svcb = 64, type_https = 65;

/// The name at `at`, in the form of Question::name; `at` moves behind it. Compressed names lead
/// backwards only, so that reading one ends.
std::optional<std::string> read_name(BytesView message, std::size_t& at);

/// What an answer says in its answer section, whatever was asked.
struct Contents {
    std::vector<std::string> aliases; ///< what names in it are aliases of
    std::vector<IpAddress> addresses;
    std::uint32_t ttl = UINT32_MAX; ///< seconds that all of this holds
};
/// Nothing if a record cannot be read.
std::optional<Contents> read_contents(BytesView message, std::size_t question_end);

/// Parameters of SVCB and HTTPS records (RFC 9460 §14.3.2, RFC 9848).
enum class ServiceKey : std::uint16_t { mandatory = 0, ipv4_hint = 4, ech = 5, ipv6_hint = 6 };
/// Takes `keys` out of all service records. The message keeps its length, so that compressed names
/// in it stay right: in place of what was taken is a parameter that nobody knows, which clients
/// have to ignore. False if a record cannot be read.
bool remove_service_keys(MutableBytesView message, std::size_t question_end,
                         std::span<const ServiceKey> keys);

} // namespace msb::dns
