#include "net/flow.hpp"

namespace msb::net {

std::string_view to_string(Protocol protocol) {
    switch (protocol) {
    case Protocol::tcp: return "tcp";
    case Protocol::udp: return "udp";
    case Protocol::icmp: break;
    }
    return "ping";
}

std::string Flow::to_string() const {
    if (lookup)
        return "lookup of " + (names.empty() ? std::string() : names.front());
    const std::string way =
        std::string(net::to_string(protocol)) + (direction == Direction::out ? " to " : " from ");
    const Endpoint& peer = direction == Direction::out ? destination : source;
    return way + (protocol == Protocol::icmp ? peer.address.to_string() : peer.to_string());
}

} // namespace msb::net
