// What a sandbox's network would do with a flow, asked without sending anything.
#pragma once

#include "net/flow.hpp"
#include "sandbox/home.hpp"
#include "spec/spec.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace msb {

/// Where a guest might want to go: "HOST[:PORT[/tcp|udp]]", 443/tcp unless given; IPv6 in brackets
/// where a port follows. HOST is an address or a name.
struct NetworkDestination {
    std::string host;
    std::uint16_t port = 443;
    net::Protocol protocol = net::Protocol::tcp;

    static Result<NetworkDestination> parse(std::string_view text);
};

struct NetworkAnswer {
    std::string flow; ///< as the log names it
    bool allow = false;
    std::string rule; ///< that decided; empty: none did
    std::string reason;
};

/// For an address: of the connection. For a name: of the lookup, then of a connection to a public
/// address that the guest found by it. As the sandbox's next start would decide it.
Result<std::vector<NetworkAnswer>> check_network(const SandboxSpec& spec, const Home& home,
                                                 const NetworkDestination& destination);

} // namespace msb
