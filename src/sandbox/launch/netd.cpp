#include "sandbox/launch/netd.hpp"

#include "base/file.hpp"
#include "base/system.hpp"
#include "net/dns/resolvers.hpp"
#include "sandbox/launch/network_config.hpp"
#include "sandbox/launch/proxy.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace msb {

namespace {

constexpr const char* resolver_file = "/etc/resolv.conf";
constexpr int listen_backlog = 1024;

/// `port` learns which one was chosen, if any would do.
Result<OwnedFd> bind_port(PublishedPort& port) {
    const auto address = IpAddress::parse(port.bind);
    if (!address)
        return fail(ErrorKind::invalid_argument, "not an address: " + port.bind);
    OwnedFd fd(::socket(address->v6 ? AF_INET6 : AF_INET,
                        (port.udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd)
        return fail_errno("socket");
    const int on = 1;
    if (!port.udp) // connections of an earlier run that linger do not count
        ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->v6) // [::] leaves 0.0.0.0 to others
        ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    SocketAddress name({*address, port.host});
    if (::bind(fd.get(), name.get(), name.size) == -1)
        return fail_errno("bind", port.to_string());
    if (::getsockname(fd.get(), name.get(), &name.size) == -1)
        return fail_errno("getsockname", port.to_string());
    if (const auto bound = name.endpoint())
        port.host = bound->port;
    if (!port.udp && ::listen(fd.get(), listen_backlog) == -1)
        return fail_errno("listen", port.to_string());
    return fd;
}

/// Has netd see where this machine's resolv.conf is, so that it can follow changes. Services keep it
/// in a directory of their own below /run, and put a new one in its place there. Elsewhere (in /etc)
/// it is the file alone that is seen, as long as it is the same one.
void show_resolver_file(jail::Request& request, net::NetdConfig& config) {
    const std::unique_ptr<char, void (*)(void*)> real(::realpath(resolver_file, nullptr), &::free);
    if (!real)
        return;
    const std::string path = real.get();
    const std::size_t slash = path.rfind('/');
    config.resolver_file = "/resolver" + path.substr(slash);
    if (path.starts_with("/run/") && slash > std::strlen("/run"))
        request.binds.push_back({path.substr(0, slash), "/resolver"});
    else
        request.binds.push_back({path, config.resolver_file});
}

net::Policy with_defaults(const NetworkSpec& spec, const NetworkConfig& defaults) {
    net::Policy policy = spec.policy();
    policy.metadata = defaults.metadata;
    return policy;
}

/// `plan` gets the host's search domains. `home`: where the user's configuration is.
Result<net::NetdConfig> make_config(const NetworkSpec& spec, NetworkPlan& plan,
                                    const std::string& home) {
    const NetworkConfig defaults = MSB_TRY(NetworkConfig::read(home));
    const dns::ResolverConfig resolver =
        dns::parse_resolver_config(read_file(resolver_file, net::most_resolver_file).value_or(""));
    net::NetdConfig config;
    config.guest_mac = plan.guest_mac;
    config.gateway_mac = plan.gateway_mac;
    config.mtu = plan.mtu;
    config.rates = spec.rates;
    config.proxy = MSB_TRY(find_proxy(spec.proxy));
    config.v4 = plan.v4;
    config.v6 = plan.v6;
    config.policy = with_defaults(spec, defaults);
    config.resolvers =
        spec.dns.nameservers.empty() ? net::resolvers_of(resolver) : spec.dns.nameservers;
    config.dns_timeout_ms = spec.dns.query_timeout_ms;
    if (defaults.search_domains && net::answers_names(config.policy)) {
        plan.search = resolver.search;
        plan.resolver_options = resolver.options;
    }
    if (spec.joined) {
        config.membership = net::MembershipPlan{.network = spec.joined.name,
                                                .subnet = spec.joined.subnet,
                                                .address = spec.joined.address};
        // Before those of the host, where a member's name would be looked up as somebody else's.
        plan.search.insert(plan.search.begin(), config.membership->zone());
    }
    if (spec.tls.intercept)
        config.interception = net::InterceptionPlan{.ports = spec.tls.intercepted_ports(),
                                                    .bypass = spec.tls.bypass,
                                                    .block_quic = spec.tls.block_quic};
    config.max_connections = spec.connections();
    config.explain_denials = spec.explain_denials;
    return config;
}

} // namespace

Result<net::Policy> policy_of(const NetworkSpec& spec, const std::string& home) {
    return with_defaults(spec, MSB_TRY(NetworkConfig::read(home)));
}

Result<NetdStart> prepare_netd(const HelperStart& start, NetworkSpec& spec, NetworkPlan& plan) {
    net::NetdConfig config = MSB_TRY(make_config(spec, plan, start.home));
    config.log_level = start.log_level;
    config.sandbox = start.sandbox;
    NetdStart netd;
    int number = net::netd_fd_published;
    for (PublishedPort& port : spec.published) {
        config.published.push_back({number, port.udp, port.guest});
        netd.give(number++,
                  MSB_TRY_WRAP(bind_port(port), "cannot publish port " + port.to_string()));
    }
    auto lifeline = MSB_TRY(sys::socket_pair(SOCK_SEQPACKET));
    jail::Request& request = netd.request;
    request.binds = {{start.installation.program("netd"), "/netd", false, true}};
    if (spec.dns.nameservers.empty())
        show_resolver_file(request, config);
    netd.give(net::netd_fd_config, MSB_TRY(sys::memfd("netd-config", as_bytes(config.to_json()))));
    // The engine has another user id than we; the directory is what keeps others out.
    netd.give(net::netd_fd_device,
              MSB_TRY(sys::unix_listen(start.sockets + "/" + network_socket, 1, 0666)));
    netd.give(net::netd_fd_lifeline, std::move(lifeline[0]));

    if (spec.joined) {
        const std::string door = Home(start.home).member_socket(start.sandbox);
        MSB_TRY(make_directories(parent_of(door), 0700));
        netd.give(net::netd_fd_member, MSB_TRY(sys::unix_listen(door, 4)));
    }

    request.role = jail::Role::net;
    request.argv = {"/netd"};
    request.control_group = start.control_group;
    request.new_session = true;
    request.die_with_parent = false; // the lifeline sees to it
    netd.lifeline = std::move(lifeline[1]);
    return netd;
}

} // namespace msb
