#include "net/host_dialer.hpp"

#include "base/log.hpp"

#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace msb::net {

namespace {

constexpr unsigned lines_a_minute = 20;

Result<OwnedFd> connected(int type, int protocol, const Endpoint& target) {
    OwnedFd fd(::socket(target.address.v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK,
                        protocol));
    if (!fd)
        return fail_errno("socket");
    SocketAddress address(target);
    if (::connect(fd.get(), address.get(), address.size) == -1 && errno != EINPROGRESS)
        return fail_errno("connect", target.to_string());
    return fd;
}

/// Whether the host itself has the address: only then a socket can be bound to it.
bool is_own(const IpAddress& address) {
    const OwnedFd fd(::socket(address.v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    SocketAddress name(Endpoint{address, 0});
    return fd && ::bind(fd.get(), name.get(), name.size) == 0;
}

} // namespace

bool host_has_route(bool v6) {
    // Documentation addresses (RFC 5737, 3849): no host has them, but a default route leads there.
    const auto target = IpAddress::parse(v6 ? "2001:db8::1" : "192.0.2.1");
    return connected(SOCK_DGRAM, 0, {*target, 9}).has_value();
}

Result<Group> HostDialer::admit(std::string_view protocol, const Endpoint& destination) {
    Group group = classify(destination.address, gateways_);
    // The gateway's address in disguise leads to a real machine that has it.
    if (group == Group::host && !is_gateway(destination.address))
        group = Group::private_network;
    // The host's services are behind each of its addresses, not only behind its loopback's.
    if (policy_.allows(group) && group != Group::host && !policy_.allows(Group::host) &&
        is_own(destination.address))
        group = Group::host;
    if (policy_.allows(group))
        return group;
    const auto now = std::chrono::steady_clock::now();
    if (now - lines_since_ > std::chrono::minutes(1)) {
        lines_since_ = now;
        lines_left_ = lines_a_minute;
    }
    if (lines_left_ > 0) {
        --lines_left_;
        log::info("denied: {} to {} ({})", protocol, destination.to_string(), to_string(group));
    }
    return fail(ErrorKind::permission_denied, "the sandbox's network policy");
}

Result<OwnedFd> HostDialer::tcp(const Endpoint& destination, unsigned attempt) {
    MSB_TRY(admit("tcp", destination));
    Endpoint target = destination;
    const bool gateway = is_gateway(destination.address);
    if (attempt > (gateway ? 1U : 0U))
        return fail(ErrorKind::not_found, "no other place");
    if (gateway)
        target.address = IpAddress::loopback(destination.address.v6 != (attempt == 1));
    OwnedFd fd = MSB_TRY(connected(SOCK_STREAM, 0, target));
    const int on = 1; // the guest has decided what goes into a segment
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

Result<OwnedFd> HostDialer::udp(const Endpoint& destination) {
    MSB_TRY(admit("udp", destination));
    Endpoint target = destination;
    if (is_gateway(destination.address))
        target.address = IpAddress::loopback(destination.address.v6);
    return connected(SOCK_DGRAM, 0, target);
}

Result<OwnedFd> HostDialer::ping(const IpAddress& destination) {
    MSB_TRY(admit("ping", {destination, 0}));
    return connected(SOCK_DGRAM, destination.v6 ? int{IPPROTO_ICMPV6} : int{IPPROTO_ICMP},
                     {destination, 0});
}

} // namespace msb::net
