// One flow between the guest and a peer, about which the policy decides.
#pragma once

#include "base/address.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msb::net {

enum class Direction { out, in }; ///< who began it: the guest, or a peer of a published port
enum class Protocol { tcp, udp, icmp };
std::string_view to_string(Protocol protocol);

/// How a guest's connection begins, as far as rules by name care.
struct Opening {
    bool tls = false;
    std::string server_name; ///< that it asks for; empty: none
};

struct Flow {
    Direction direction = Direction::out;
    Protocol protocol = Protocol::tcp;
    Endpoint source;      ///< ICMP: port 0
    Endpoint destination; ///< as the guest dialled it
    /// What the destination was called in the answers that the guest got, if that is known. Of a
    /// lookup: the one name that is asked about.
    std::vector<std::string> names;
    /// Of a lookup that was answered: what the name is an alias of.
    std::vector<std::string> aliases;
    std::optional<Opening> opening; ///< of TCP or QUIC, once it was seen
    bool intercepted = false;       ///< its TLS is opened on the way
    bool lookup = false;            ///< a question for the name server on the gateway

    /// The side that is not the guest.
    const IpAddress& peer() const {
        return direction == Direction::out ? destination.address : source.address;
    }
    /// "tcp to 192.0.2.1:80", "ping to 192.0.2.1", "lookup of example.org"
    std::string to_string() const;
};

} // namespace msb::net
