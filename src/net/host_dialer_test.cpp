#include "net/host_dialer.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace msb::net {
namespace {

TEST(HostDialer, TheGatewayLeadsToTheLoopback) {
    const OwnedFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    SocketAddress name(Endpoint{IpAddress::loopback(false), 0});
    ASSERT_EQ(::bind(listener.get(), name.get(), name.size), 0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    ::getsockname(listener.get(), name.get(), &name.size);
    const std::uint16_t port = name.endpoint()->port;
    const Gateways gateways{IpAddress(Ipv4Bytes{172, 16, 0, 1}), std::nullopt};
    const auto to = [](const IpAddress& address, std::uint16_t to_port) {
        return Flow{.destination = {address, to_port}};
    };
    const auto rules = [](std::string_view text) { return Policy{.rules = *parse_rules(text)}; };
    HostDialer open(rules("allow@host"), gateways, *HostRoutes::open());
    EXPECT_TRUE(open.dial(to(*gateways.v4, port), 0));
    EXPECT_EQ(open.dial(to(*gateways.v4, port), 2).error().kind(), ErrorKind::not_found);
    for (const char* text : {"", "allow@public", "allow@private",
                             "allow@127.0.0.0/8,allow@0.0.0.0/0", "allow@172.16.0.0/12"}) {
        HostDialer shut(rules(text), gateways, *HostRoutes::open());
        for (const Flow& flow : {to(*gateways.v4, port), to(IpAddress::loopback(false), port)})
            EXPECT_EQ(shut.dial(flow, 0).error().kind(), ErrorKind::permission_denied);
        Flow datagrams = to(*gateways.v4, port);
        datagrams.protocol = Protocol::udp;
        EXPECT_EQ(shut.dial(datagrams, 0).error().kind(), ErrorKind::permission_denied);
    }
    // Not even where everything is allowed: it would be the guest's own.
    HostDialer all(Policy{.egress = true}, gateways, *HostRoutes::open());
    EXPECT_FALSE(all.dial(to(IpAddress::loopback(false), port), 0));
    EXPECT_FALSE(all.dial(to(IpAddress(Ipv4Bytes{0, 0, 0, 0}), port), 0));
}

TEST(HostDialer, AnAddressOfThisMachineIsTheHostsWhateverItsNumber) {
    auto routes = *HostRoutes::open();
    const Gateways gateways{IpAddress(Ipv4Bytes{172, 16, 0, 1}), std::nullopt};
    const auto from_here = [&](std::string_view rules) {
        const Flow flow{.direction = Direction::in,
                        .source = {IpAddress::loopback(false), 40000},
                        .destination = {IpAddress(Ipv4Bytes{172, 16, 0, 2}), 80}};
        return judge_here(flow, {.rules = *parse_rules(rules)}, gateways, routes)->allow;
    };
    EXPECT_TRUE(from_here(""));
    EXPECT_TRUE(from_here("allow:ingress@host,deny:ingress@any"));
    EXPECT_TRUE(from_here("deny:ingress@public"));
    EXPECT_FALSE(from_here("deny:ingress@host"));
}

TEST(HostRoutes, KnowWhatIsTheHostsOwn) {
    auto routes = HostRoutes::open();
    ASSERT_TRUE(routes);
    for (const char* own : {"127.0.0.1", "127.9.9.9", "::1"}) {
        const auto here = routes->lead_here(*IpAddress::parse(own));
        EXPECT_TRUE(here && *here) << own;
    }
    for (const char* other : {"192.0.2.1", "2001:db8::1"}) {
        const auto here = routes->lead_here(*IpAddress::parse(other));
        EXPECT_FALSE(here && *here) << other; // false, or no route
        EXPECT_TRUE(here || here.error().sys_errno() != 0);
    }
}

} // namespace
} // namespace msb::net
