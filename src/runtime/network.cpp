// The runtime's part in the network: what the guest is told about it, and an eye on netd.
#include "base/address.hpp"
#include "base/log.hpp"
#include "runtime/helper_log.hpp"
#include "runtime/runtime.hpp"

#include <algorithm>
#include <sys/epoll.h>

namespace msb {

namespace {

constexpr const char* host_alias = "host.microsandbox.internal";

template <std::size_t size> std::array<std::uint8_t, size> bytes_of(const IpAddress& address) {
    std::array<std::uint8_t, size> result;
    std::copy_n(address.bytes.begin(), size, result.begin());
    return result;
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

void Runtime::handle_network() {
    switch (take_helper_packet(launch_fd_network)) {
    case HelperPacket::none: return;
    case HelperPacket::in_use: return idle_.used(EventLoop::Clock::now());
    case HelperPacket::end: break;
    }
    loop_->unwatch(launch_fd_network);
    log::error("the network process has ended: the guest has no network any more");
    exec_log_->mark("network lost");
}

} // namespace msb
