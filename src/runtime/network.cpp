// How the runtime watches netd.
#include "base/bytes.hpp"
#include "base/log.hpp"
#include "net/report.hpp"
#include "runtime/helper_log.hpp"
#include "runtime/runtime.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

namespace msb {

Status Runtime::watch_network() {
    if (!config_.network)
        return {};
    return loop_->watch(launch_fd_network, EPOLLIN, [this](std::uint32_t) { handle_network(); });
}

void Runtime::handle_network() {
    std::string text;
    switch (take_helper_packet(launch_fd_network, text)) {
    case HelperPacket::none: return;
    case HelperPacket::in_use: return idle_.used(EventLoop::Clock::now());
    case HelperPacket::entry: return network_log_->append(as_bytes(text));
    case HelperPacket::policy: return policy_answered(text);
    case HelperPacket::end: break;
    }
    loop_->unwatch(launch_fd_network);
    log::error("the network process has ended: the guest has no network any more");
    exec_log_->mark("network lost");
    while (!policy_replies_.empty())
        policy_answered("the network process has ended");
}

/// netd answers in the order in which it is asked.
void Runtime::change_network_policy(const wire::HostNetworkPolicy& change,
                                    HostChannel::Reply reply) {
    if (!config_.network)
        return reply(fail(ErrorKind::unsupported, "the sandbox runs without a network"));
    const std::string packet = network_policy + change.policy;
    if (::send(launch_fd_network, packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL) == -1)
        return reply(fail_errno("send", "network process"));
    policy_replies_.push_back(std::move(reply));
}

void Runtime::policy_answered(const std::string& problem) {
    if (policy_replies_.empty())
        return;
    const HostChannel::Reply reply = std::move(policy_replies_.front());
    policy_replies_.pop_front();
    reply(problem.empty() ? Status() : fail(ErrorKind::invalid_argument, problem));
}

} // namespace msb
