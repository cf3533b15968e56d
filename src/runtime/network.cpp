// The runtime's part in the network: what the guest is told about it, and an eye on netd.
#include "base/address.hpp"
#include "base/log.hpp"
#include "runtime/runtime.hpp"
#include "spec/network_report.hpp"

#include <algorithm>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace msb {

namespace {

constexpr std::size_t longest_line = 4096;
constexpr const char* host_alias = "host.microsandbox.internal";

template <std::size_t size> std::array<std::uint8_t, size> bytes_of(const IpAddress& address) {
    std::array<std::uint8_t, size> result;
    std::copy_n(address.bytes.begin(), size, result.begin());
    return result;
}

/// "TIME LEVEL netd: TEXT" becomes a line of our own.
void log_line(std::string_view line) {
    if (line.ends_with('\n'))
        line.remove_suffix(1);
    const std::size_t time = std::min(line.find(' '), line.size());
    const std::size_t end = std::min(line.find(' ', time + 1), line.size());
    const std::string_view word =
        line.substr(std::min(time + 1, end), end - std::min(time + 1, end));
    const std::size_t text = line.find_first_not_of(' ', end);
    if (text != std::string_view::npos)
        log::write(log::parse_level(word).value_or(log::Level::warn), line.substr(text));
}

} // namespace

void Runtime::describe_network(wire::Bootstrap& document) const {
    if (!config_.network)
        return;
    const NetworkPlan& plan = *config_.network;
    wire::Network network;
    network.interface = "eth0";
    network.mac = plan.guest_mac;
    if (plan.v4) {
        const auto gateway = bytes_of<4>(plan.v4->gateway);
        network.ipv4 =
            wire::Ipv4Network{bytes_of<4>(plan.v4->guest), plan.v4->prefix, gateway, gateway};
        document.default_env.push_back({"MSB_NET_IPV4", describe(*plan.v4)});
    }
    if (plan.v6) {
        const auto gateway = bytes_of<16>(plan.v6->gateway);
        network.ipv6 =
            wire::Ipv6Network{bytes_of<16>(plan.v6->guest), plan.v6->prefix, gateway, gateway};
        document.default_env.push_back({"MSB_NET_IPV6", describe(*plan.v6)});
    }
    network.search = plan.search;
    network.resolver_options = plan.resolver_options;
    document.network = network;
    document.host_alias = host_alias;
}

Status Runtime::watch_network() {
    if (!config_.network)
        return {};
    return loop_->watch(launch_fd_network, EPOLLIN, [this](std::uint32_t) { handle_network(); });
}

/// netd's log lines and reports, one a packet, and its end. It may have been taken over: what it
/// says is text.
void Runtime::handle_network() {
    std::array<char, longest_line> line;
    const ssize_t count = ::recv(launch_fd_network, line.data(), line.size(), MSG_DONTWAIT);
    const std::string_view packet(line.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
    if (packet == network_in_use) {
        idle_.used(EventLoop::Clock::now());
    } else if (count > 0) {
        log_line(packet);
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
        loop_->unwatch(launch_fd_network);
        log::error("the network process has ended: the guest has no network any more");
        exec_log_->mark("network lost");
    }
}

} // namespace msb
