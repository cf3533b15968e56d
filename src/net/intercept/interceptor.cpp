#include "net/intercept/interceptor.hpp"

#include "base/packet.hpp"
#include "base/system.hpp"
#include "net/intercept/handover.hpp"
#include "net/policy/policy.hpp"

#include <algorithm>
#include <array>
#include <sys/socket.h>

namespace msb::net {

DomainTarget host_pattern(std::string_view text) {
    const bool below = text.starts_with("*.");
    return {std::string(below ? text.substr(2) : text), below};
}

Interceptor::Interceptor(InterceptionPlan plan, OwnedFd channel)
    : plan_(std::move(plan)), channel_(std::move(channel)) {
    for (const std::string& pattern : plan_.bypass)
        bypass_.push_back(host_pattern(pattern));
}

bool Interceptor::is_port(std::uint16_t port) const {
    return std::ranges::find(plan_.ports, port) != plan_.ports.end();
}

bool Interceptor::concerns(const Flow& flow) const {
    return flow.direction == Direction::out && flow.protocol == Protocol::tcp &&
           is_port(flow.destination.port);
}

bool Interceptor::forbids_quic(const Flow& flow) const {
    return plan_.block_quic && flow.direction == Direction::out && flow.protocol == Protocol::udp &&
           is_port(flow.destination.port);
}

/// By the name that is asked for; where none is, by address.
bool Interceptor::is_bypassed(const Flow& flow) const {
    const std::string name = flow.opening->server_name.empty()
                                 ? flow.destination.address.to_string()
                                 : flow.opening->server_name;
    return std::ranges::any_of(bypass_, [&](const DomainTarget& pattern) {
        return pattern.name == "*" || matches_name(pattern, name);
    });
}

Result<OwnedFd> Interceptor::take(const Flow& flow, int upstream) {
    if (!concerns(flow) || !flow.opening || is_bypassed(flow))
        return OwnedFd();
    auto sides = MSB_TRY(sys::socket_pair(SOCK_STREAM | SOCK_NONBLOCK));
    const Handover handover{.name = flow.opening->server_name,
                            .names = flow.names,
                            .destination = flow.destination,
                            .tls = flow.opening->tls};
    MSB_TRY_WRAP(send_packet(channel_.get(), as_bytes(handover.to_json()),
                             std::array{sides[1].get(), upstream}),
                 "the process that intercepts TLS");
    return std::move(sides[0]);
}

} // namespace msb::net
