// What the switch of a private network and its members' netd say to each other, one packet each. A
// netd may have been taken over by its guest, so the switch trusts nothing that it says; and a netd
// trusts the switch for who a flow comes from, and for nothing else.
#pragma once

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "net/flow.hpp"

#include <map>
#include <string>
#include <string_view>
#include <variant>

namespace msb::net {

/// A flow between two members; with it comes the receiver's end of a socket pair, which is all that
/// the two have of each other. Stream sockets for TCP, sockets of packets for UDP.
struct MemberFlow {
    Protocol protocol = Protocol::tcp;
    bool v6 = false; ///< between the IPv6 addresses of the two
    IpAddress other; ///< to the switch: whom it is for; from it: whose it is. IPv4
    std::uint16_t source_port = 0, destination_port = 0;
    bool operator==(const MemberFlow&) const = default;
};
/// Only from the switch: who is there, and what they are called, in lower case.
struct MemberTable {
    std::map<IpAddress, std::string> members;
    bool operator==(const MemberTable&) const = default;
};
using MemberMessage = std::variant<MemberFlow, MemberTable>;

inline constexpr std::size_t most_members = 253; ///< of a network of 256 addresses
inline constexpr std::size_t longest_member_name = 128;
inline constexpr std::size_t most_member_message = 1 + most_members * (5 + longest_member_name);
/// Over a TCP flow's socket, before anything else: the guest has taken the connection.
inline constexpr std::uint8_t member_accepted = 1;

/// Of a sandbox, as it is looked up.
bool is_member_name(std::string_view name);

Bytes encode(const MemberMessage& message);
Result<MemberMessage> decode_member_message(BytesView bytes);

} // namespace msb::net
