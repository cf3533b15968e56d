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

bool is_unreachable(const Error& error) {
    return error.sys_errno() == ENETUNREACH || error.sys_errno() == EHOSTUNREACH;
}

} // namespace

bool host_has_route(bool v6) {
    // Documentation addresses (RFC 5737, 3849): no host has them, but a default route leads there.
    const auto target = IpAddress::parse(v6 ? "2001:db8::1" : "192.0.2.1");
    return connected(SOCK_DGRAM, 0, {*target, 9}).has_value();
}

Result<Group> HostDialer::group_of(const IpAddress& address) {
    const Group group = classify(address, gateways_, policy_.metadata);
    // The gateway's address inside an IPv6 address would lead to a real machine with that address.
    if (group == Group::host)
        return is_gateway(address) ? Group::host : Group::private_network;
    // The host's services are behind each of its addresses, not only behind its loopback's. Ask
    // whether an address is one of them only if that matters; if it cannot be told, refuse.
    if (!policy_.allows(group) || policy_.allows(Group::host))
        return group;
    const IpAddress inner = embedded_v4(address);
    if (inner != address) {
        const auto inner_here = routes_.lead_here(inner);
        if (inner_here ? *inner_here : !is_unreachable(inner_here.error()))
            return Group::host;
    }
    return MSB_TRY(routes_.lead_here(address)) ? Group::host : group;
}

Status HostDialer::admit(const Flow& flow) {
    const Group group = MSB_TRY(group_of(flow.destination.address));
    if (policy_.allows(group))
        return {};
    const auto now = std::chrono::steady_clock::now();
    if (now - lines_since_ > std::chrono::minutes(1)) {
        lines_since_ = now;
        lines_left_ = lines_a_minute;
    }
    if (lines_left_ > 0) {
        --lines_left_;
        log::info("denied: {} ({})", flow.to_string(), to_string(group));
    }
    return fail(ErrorKind::permission_denied, "the sandbox's network policy");
}

Result<OwnedFd> HostDialer::dial(const Flow& flow, unsigned attempt) {
    Endpoint target = flow.destination;
    const bool gateway = is_gateway(target.address);
    // Only a TCP connection shows soon enough that nobody listens in one family.
    if (attempt > (gateway && flow.protocol == Protocol::tcp ? 1U : 0U))
        return fail(ErrorKind::not_found, "no other place");
    MSB_TRY(admit(flow));
    if (flow.protocol == Protocol::icmp)
        return connected(SOCK_DGRAM, target.address.v6 ? int{IPPROTO_ICMPV6} : int{IPPROTO_ICMP},
                         target);
    if (gateway)
        target.address = IpAddress::loopback(target.address.v6 != (attempt == 1));
    if (flow.protocol == Protocol::udp)
        return connected(SOCK_DGRAM, 0, target);
    OwnedFd fd = MSB_TRY(connected(SOCK_STREAM, 0, target));
    const int on = 1; // the guest's own segments decide what is sent together
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

} // namespace msb::net
