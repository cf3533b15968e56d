#include "net/host_judge.hpp"

#include <cerrno>

namespace msb::net {

namespace {

bool is_unreachable(const Error& error) {
    return error.sys_errno() == ENETUNREACH || error.sys_errno() == EHOSTUNREACH;
}

} // namespace

Result<Verdict> judge_here(const Flow& flow, const Policy& policy, const Gateways& gateways,
                           HostRoutes& routes) {
    const IpAddress& peer = flow.peer();
    Group group = classify(peer, gateways, policy.metadata);
    // The gateway's address inside an IPv6 address would lead to a real machine with that address.
    if (group == Group::host && peer != gateways.v4 && peer != gateways.v6)
        group = Group::private_network;
    const Verdict verdict = judge(flow, group, policy);
    if (group == Group::host || group == Group::loopback || group == Group::member)
        return verdict;
    // The host's services are behind each of its addresses, not only behind its loopback's. Ask
    // whether an address is one of them only if that matters; if it cannot be told, refuse.
    const Verdict as_host = judge(flow, Group::host, policy);
    if (flow.direction == Direction::in)
        return as_host.allow == verdict.allow || !MSB_TRY(routes.lead_here(peer)) ? verdict
                                                                                  : as_host;
    if (!verdict.allow || as_host.allow)
        return verdict;
    const IpAddress inner = embedded_v4(peer);
    if (inner != peer) {
        const auto inner_here = routes.lead_here(inner);
        if (inner_here ? *inner_here : !is_unreachable(inner_here.error()))
            return as_host;
    }
    return MSB_TRY(routes.lead_here(peer)) ? as_host : verdict;
}

} // namespace msb::net
