#include "net/intercept/interceptor.hpp"

#include "base/system.hpp"
#include "net/intercept/handover.hpp"
#include "net/policy/policy.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <sys/socket.h>

namespace msb::net {

namespace {

/// One packet with two descriptors.
Status send_with(int channel, std::string text, std::array<int, 2> descriptors) {
    iovec data{text.data(), text.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(descriptors))> control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(descriptors));
    std::memcpy(CMSG_DATA(header), descriptors.data(), sizeof(descriptors));
    if (::sendmsg(channel, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == -1)
        return fail_errno("sendmsg", "the process that intercepts TLS");
    return {};
}

} // namespace

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
    MSB_TRY(send_with(channel_.get(), handover.to_json(), {sides[1].get(), upstream}));
    return std::move(sides[0]);
}

} // namespace msb::net
