// What `msb forward` forwards: "[BIND:]PORT[:GUEST_HOST][:GUEST_PORT]", and Unix sockets on either
// side.
#pragma once

#include "client/tcp.hpp"

namespace msb {

/// Where connections are accepted on the host.
struct ForwardListen {
    std::string path;                  ///< of a Unix socket; empty = a TCP port
    std::string address = "127.0.0.1"; ///< numeric, without brackets
    std::uint16_t port = 0;            ///< 0 = any free one

    std::string to_string() const;
};

struct ForwardRule {
    ForwardListen listen;
    TcpTarget target;
};

/// "8080", "8080:80", "8080:db:5432", "0.0.0.0:8080:80", "[::1]:8080:db:5432", "8080:/run/x.sock",
/// "./x.sock:/run/x.sock", "./x.sock:80". What contains a '/' is a path; "@name" on the guest side
/// is a Unix socket in the abstract name space.
Result<ForwardRule> parse_forward_rule(std::string_view text);

/// "80" (of the guest itself), "db:5432", "[fe80::1%eth0]:80", "/run/x.sock", "@name".
Result<TcpTarget> parse_tcp_target(std::string_view text);

} // namespace msb
