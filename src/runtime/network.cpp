// How the runtime watches netd and tlsd.
#include "base/bytes.hpp"
#include "base/log.hpp"
#include "net/report.hpp"
#include "runtime/helper_log.hpp"
#include "runtime/runtime.hpp"

#include <charconv>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace msb {

Status Runtime::watch_network() {
    if (!config_.network)
        return {};
    if (config_.intercepts)
        MSB_TRY(
            loop_->watch(launch_fd_tls, EPOLLIN, [this](std::uint32_t) { handle_interception(); }));
    return loop_->watch(launch_fd_network, EPOLLIN, [this](std::uint32_t) { handle_network(); });
}

void Runtime::handle_network() {
    std::string text;
    switch (take_helper_packet(launch_fd_network, text)) {
    case HelperPacket::none: return;
    case HelperPacket::in_use: return idle_.used(EventLoop::Clock::now());
    case HelperPacket::entry: return network_log_->append(as_bytes(text));
    case HelperPacket::counter: return take_network_counter(text);
    case HelperPacket::traffic: return sampler_ ? sampler_->take_traffic(text) : void();
    case HelperPacket::policy: return policy_answered(text);
    case HelperPacket::authority:
    case HelperPacket::terminate:
    case HelperPacket::failed: return; // not of netd
    case HelperPacket::end: break;
    }
    loop_->unwatch(launch_fd_network);
    log::error("the network process has ended: the guest has no network any more");
    exec_log_->mark("network lost");
    while (!policy_replies_.empty())
        policy_answered("the network process has ended");
}

/// What tlsd says: first whom the guest has to trust, for which its boot waits.
void Runtime::handle_interception() {
    std::string text;
    const HelperPacket packet = take_helper_packet(launch_fd_tls, text);
    if (packet == HelperPacket::authority && !authority_) {
        authority_ = std::move(text);
        if (waiting_control_)
            accept_control(std::exchange(waiting_control_, nullptr));
    } else if (packet == HelperPacket::failed) {
        interception_problem_ = std::move(text);
    } else if (packet == HelperPacket::entry) {
        network_log_->append(as_bytes(text));
    } else if (packet == HelperPacket::terminate) {
        log::error("{}", text);
        exec_log_->mark("secret violation");
        begin_shutdown("SecretViolation", 0);
    } else if (packet == HelperPacket::end) {
        loop_->unwatch(launch_fd_tls);
        const Error error(ErrorKind::system,
                          "the process that intercepts TLS has ended" +
                              (interception_problem_.empty() ? "" : ": " + interception_problem_));
        if (!authority_ && !shutting_down_)
            return fail_boot("network", error);
        log::error("{}: the guest has no connections any more that are intercepted",
                   error.message());
        exec_log_->mark("interception lost");
    }
}

/// "NUMBER LINE". They are told to whoever asks for the status, in one frame.
void Runtime::take_network_counter(std::string_view text) {
    constexpr std::size_t most_counters = 300, longest_line = 512,
                          most_bytes = std::size_t{48} << 10;
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto digits = static_cast<std::size_t>(end - text.data());
    if (error != std::errc{} || digits >= text.size() || text[digits] != ' ' ||
        number >= most_counters || text.size() > longest_line)
        return;
    std::size_t bytes = text.size();
    for (const auto& [key, line] : network_counters_)
        bytes += key == number ? 0 : line.size();
    if (bytes <= most_bytes)
        network_counters_[number] = text.substr(digits + 1);
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
