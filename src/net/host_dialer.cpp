#include "net/host_dialer.hpp"

#include "base/log.hpp"
#include "net/proxy/client.hpp"

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

} // namespace

void HostDialer::log_denial(const Flow& flow, const Verdict& verdict, std::string_view reason) {
    const auto now = std::chrono::steady_clock::now();
    if (now - lines_since_ > std::chrono::minutes(1)) {
        lines_since_ = now;
        lines_left_ = lines_a_minute;
    }
    if (lines_left_ == 0)
        return;
    --lines_left_;
    log::info("denied: {} ({}): {}", flow.to_string(), to_string(verdict.peer), reason);
}

/// What is not allowed is an error.
Result<Verdict> HostDialer::decide(const Flow& flow) {
    const Verdict verdict = MSB_TRY(judge_here(flow, policy_, gateways_, routes_));
    // One that is known better now, and still allowed, was counted before.
    const bool again = flow.opening || !flow.aliases.empty();
    if (ledger_ != nullptr && !(again && verdict.allow))
        ledger_->decided(rule_text(verdict), verdict.allow);
    if (verdict.allow)
        return verdict;
    std::string reason = explain(verdict, flow, policy_);
    log_denial(flow, verdict, reason);
    if (ledger_ != nullptr)
        ledger_->write(denied_entry(flow, to_string(verdict.peer), rule_text(verdict), reason));
    return fail(ErrorKind::permission_denied, std::move(reason));
}

Status HostDialer::admit(const Flow& flow) {
    const Verdict verdict = MSB_TRY(decide(flow));
    if (flow.lookup && flow.aliases.empty() && ledger_ != nullptr)
        ledger_->write(lookup_entry(flow, rule_text(verdict)));
    return {};
}

FlowRecord HostDialer::begin(const Flow& flow) {
    const auto verdict = judge_here(flow, policy_, gateways_, routes_);
    return verdict ? record_of(flow, *verdict) : FlowRecord();
}

std::string HostDialer::rule_text(const Verdict& verdict) const {
    return verdict.rule ? policy_.rules[*verdict.rule].to_string() : std::string();
}

FlowRecord HostDialer::record_of(const Flow& flow, const Verdict& verdict) {
    return {ledger_, flow, std::string(to_string(verdict.peer)), rule_text(verdict)};
}

bool HostDialer::still_allows(const Flow& flow) {
    const auto verdict = judge_here(flow, policy_, gateways_, routes_);
    return verdict && verdict->allow;
}

Status HostDialer::admit_answer(const IpAddress& address) {
    const Group group = classify(address, gateways_, policy_.metadata);
    if (may_be_answered(address, group, policy_))
        return {};
    return fail(ErrorKind::permission_denied, "the name leads to " + address.to_string() + " (" +
                                                  std::string(to_string(group)) +
                                                  "), which no rule about addresses allows");
}

Result<Dialled> HostDialer::dial(const Flow& flow, unsigned attempt) {
    // Only a TCP connection shows soon enough that nobody listens in one family.
    const bool two_places = flow.protocol == Protocol::tcp && is_gateway(flow.destination.address);
    if (attempt > (two_places ? 1U : 0U))
        return fail(ErrorKind::not_found, "no other place");
    const Verdict verdict = MSB_TRY(decide(flow));
    Dialled dialled;
    const bool member = is_member(flow.destination.address);
    if (member)
        dialled = MSB_TRY(membership_->open(flow));
    else if (proxy_ && !is_gateway(flow.destination.address) && !exempt_.cover(flow))
        dialled = MSB_TRY(through_proxy(flow, verdict));
    else
        dialled.socket = MSB_TRY(socket_of(flow, attempt));
    dialled.record = record_of(flow, verdict);
    dialled.depends_on_opening =
        net::depends_on_opening(flow, verdict, policy_) ||
        (interceptor_ != nullptr && !member && interceptor_->concerns(flow));
    dialled.forbids_quic = interceptor_ != nullptr && !member && interceptor_->forbids_quic(flow);
    return dialled;
}

Result<OwnedFd> HostDialer::intercept(const Flow& flow, int socket) {
    return interceptor_ == nullptr || is_member(flow.destination.address)
               ? OwnedFd()
               : interceptor_->take(flow, socket);
}

/// What the proxy is asked for: where a rule by name allows the flow that name, which the proxy looks
/// up itself; else the address, because that is what was judged.
std::string HostDialer::proxied_host(const Flow& flow, const Verdict& verdict) const {
    const auto* const domain =
        verdict.rule ? std::get_if<DomainTarget>(&policy_.rules[*verdict.rule].target) : nullptr;
    if (domain != nullptr)
        for (const std::string& name : flow.names)
            if (matches_name(*domain, name))
                return name;
    return flow.destination.address.to_string();
}

Result<Dialled> HostDialer::through_proxy(const Flow& flow, const Verdict& verdict) {
    if (flow.protocol != Protocol::tcp) {
        const std::string reason =
            "the sandbox's connections go through a proxy, which carries TCP only";
        log_denial(flow, verdict, reason);
        if (ledger_ != nullptr)
            ledger_->write(denied_entry(flow, to_string(verdict.peer), rule_text(verdict), reason));
        return fail(ErrorKind::permission_denied, reason);
    }
    Dialled dialled;
    dialled.socket = MSB_TRY(connected(SOCK_STREAM, 0, proxy_->endpoint));
    const int on = 1;
    ::setsockopt(dialled.socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    dialled.handshake =
        std::make_unique<ProxyClient>(*proxy_, proxied_host(flow, verdict), flow.destination.port);
    return dialled;
}

Result<OwnedFd> HostDialer::socket_of(const Flow& flow, unsigned attempt) const {
    Endpoint target = flow.destination;
    if (flow.protocol == Protocol::icmp)
        return connected(SOCK_DGRAM, target.address.v6 ? int{IPPROTO_ICMPV6} : int{IPPROTO_ICMP},
                         target);
    if (is_gateway(target.address))
        target.address = IpAddress::loopback(target.address.v6 != (attempt == 1));
    if (flow.protocol == Protocol::udp)
        return connected(SOCK_DGRAM, 0, target);
    OwnedFd fd = MSB_TRY(connected(SOCK_STREAM, 0, target));
    const int on = 1; // the guest's own segments decide what is sent together
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

} // namespace msb::net
