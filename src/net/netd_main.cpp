// The program `netd`: a guest's network, one process for each sandbox that has one. Started by a
// command in the jail of role `net`, with the descriptors of NetdFd. It lives as long as the
// sandbox's runtime holds the other end of the lifeline.
#include "base/bytes.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/sha256.hpp"
#include "base/system.hpp"
#include "base/watchdog.hpp"
#include "device/net/net.hpp"
#include "jail/jail.hpp"
#include "net/config.hpp"
#include "net/host_dialer.hpp"
#include "net/publish/publisher.hpp"
#include "net/report.hpp"
#include "net/stack.hpp"
#include "virtio/vhost_user_server.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace msb;
using namespace msb::net;

constexpr std::chrono::milliseconds count_period{250};
constexpr std::size_t most_policy_bytes = std::size_t{128} << 10;

Result<NetdConfig> read_config() {
    const OwnedFd fd(netd_fd_config);
    const auto size = static_cast<std::size_t>(MSB_TRY(sys::fstat(fd.get())).st_size);
    std::string text(size, '\0');
    MSB_TRY(
        sys::pread_all(fd.get(), {reinterpret_cast<std::uint8_t*>(text.data()), text.size()}, 0));
    return NetdConfig::from_json(text);
}

Status publish(const NetdConfig& config, EventLoop& loop, Stack& stack,
               std::vector<std::unique_ptr<Publisher>>& publishers) {
    if (!config.v4 && !config.v6) {
        if (!config.published.empty())
            log::warn("the published ports lead nowhere: this machine has no route of any family");
        return {};
    }
    for (const PublishedSocket& socket : config.published) {
        OwnedFd fd(socket.fd);
        if (socket.udp) {
            const Subnet& subnet = config.v4 ? *config.v4 : *config.v6;
            MSB_TRY(stack.udp().publish(std::move(fd), {subnet.guest, socket.guest_port},
                                        subnet.gateway));
        } else {
            publishers.push_back(std::make_unique<Publisher>(loop, stack.tcp(), stack.gate(),
                                                             std::move(fd), socket.guest_port,
                                                             config.v4, config.v6));
            MSB_TRY(publishers.back()->start());
        }
    }
    return {};
}

std::string digest_of(const Policy& policy) {
    return to_hex(sha256(as_bytes(PolicyChange{policy}.to_json()))).substr(0, 16);
}

void tell_counts(Ledger& ledger) {
    ledger.report_counts([](std::size_t number, std::string_view line) {
        std::string packet = network_counter + std::to_string(number) + " ";
        packet += line;
        (void)::send(netd_fd_lifeline, packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    });
}

void tell_traffic(const device::Net::Traffic& traffic) {
    const std::string packet = network_traffic + std::to_string(traffic.to_guest) + " " +
                               std::to_string(traffic.from_guest);
    (void)::send(netd_fd_lifeline, packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/// What is wrong with the new policy, if it is not in force now.
Status change_policy(std::string_view text, HostDialer& dialer, Stack& stack, Ledger& ledger) {
    PolicyChange change = MSB_TRY(PolicyChange::from_json(text));
    const std::string before = digest_of(dialer.policy());
    dialer.set_policy(std::move(change.policy));
    stack.policy_changed(change.max_connections);
    ledger.write({{"type", "policy"}, {"old", before}, {"new", digest_of(dialer.policy())}});
    return {};
}

/// The runtime sends policies; the end of the lifeline is its end.
void watch_lifeline(EventLoop& loop, HostDialer& dialer, Stack& stack, Ledger& ledger) {
    (void)loop.watch(netd_fd_lifeline, EPOLLIN, [&](std::uint32_t) {
        Bytes packet(most_policy_bytes);
        const ssize_t count = ::recv(netd_fd_lifeline, packet.data(), packet.size(), MSG_DONTWAIT);
        if (count == -1 && (errno == EAGAIN || errno == EINTR))
            return;
        if (count <= 0)
            return loop.stop();
        const std::string_view text =
            as_text(BytesView(packet)).substr(0, static_cast<std::size_t>(count));
        if (text[0] != network_policy)
            return;
        const Status changed = change_policy(text.substr(1), dialer, stack, ledger);
        const std::string answer =
            network_policy + (changed ? std::string() : changed.error().to_string());
        (void)::send(netd_fd_lifeline, answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    });
}

Status run() {
    std::signal(SIGPIPE, SIG_IGN);
    // Lines are dropped if the runtime does not read them: the network does not wait for its log.
    MSB_TRY(sys::set_nonblocking(netd_fd_lifeline));
    const NetdConfig config = MSB_TRY(read_config());
    log::configure(log::parse_level(config.log_level).value_or(log::Level::warn), netd_fd_lifeline,
                   "netd");
    const auto loop = MSB_TRY(EventLoop::create());
    device::Net device({.mac = config.guest_mac, .mtu = config.mtu});
    Gateways gateways;
    if (config.v4)
        gateways.v4 = config.v4->gateway;
    if (config.v6)
        gateways.v6 = config.v6->gateway;
    if (config.membership)
        gateways.network = config.membership->subnet;
    Ledger ledger([](std::string_view line) {
        const std::string packet = network_entry + std::string(line);
        (void)::send(netd_fd_lifeline, packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    });
    EventLoop::TimerId counting = 0;
    ledger.counted = [&] {
        if (counting == 0)
            counting = loop->after(count_period, [&] {
                counting = 0;
                tell_counts(ledger);
            });
    };
    EventLoop::TimerId metering = 0;
    device.moved = [&] {
        if (metering == 0)
            metering = loop->after(count_period, [&] {
                metering = 0;
                tell_traffic(device.traffic());
            });
    };
    HostDialer dialer(config.policy, gateways, MSB_TRY(HostRoutes::open()), &ledger);
    if (config.proxy)
        dialer.set_proxy(*config.proxy);
    std::optional<Membership> membership;
    if (config.membership) {
        membership.emplace(*loop, *config.membership, OwnedFd(netd_fd_member));
        dialer.set_membership(*membership);
        MSB_TRY(membership->start());
    }
    std::optional<Interceptor> interceptor;
    if (config.interception)
        dialer.set_interceptor(interceptor.emplace(*config.interception, OwnedFd(netd_fd_tls)));
    const auto dns_time = config.dns_timeout_ms == 0
                              ? DnsExchange::usual_time
                              : std::chrono::milliseconds(config.dns_timeout_ms);
    Stack stack(*loop, device, dialer,
                {.link = {config.guest_mac, config.gateway_mac, config.mtu},
                 .v4 = config.v4,
                 .v6 = config.v6,
                 .resolvers = config.resolvers,
                 .resolver_file = config.resolver_file,
                 .dns_time = dns_time,
                 .max_connections = config.max_connections,
                 .sandbox = config.sandbox,
                 .explain_denials = config.explain_denials,
                 .membership = membership ? &*membership : nullptr});
    device.set_sink(stack);
    device.limit(*loop, config.rates);
    stack.published_use().report = [] {
        (void)::send(netd_fd_lifeline, network_in_use.data(), network_in_use.size(),
                     MSG_DONTWAIT | MSG_NOSIGNAL);
    };
    std::vector<std::unique_ptr<Publisher>> publishers;
    MSB_TRY(publish(config, *loop, stack, publishers));
    const auto server =
        MSB_TRY(virtio::VhostUserServer::create(*loop, OwnedFd(netd_fd_device), device));
    watch_lifeline(*loop, dialer, stack, ledger);
    MSB_TRY(start_watchdog(*loop));
    jail::LockDown keep;
    if (!config.resolver_file.empty())
        keep.readable = {parent_of(config.resolver_file)};
    MSB_TRY(jail::lock_down(jail::Role::net, keep));
    return loop->run();
}

} // namespace

int main() {
    const Status done = run();
    if (done)
        return 0;
    log::configure(log::Level::error, netd_fd_lifeline, "netd");
    log::error("{}", done.error().to_string());
    return 1;
}
