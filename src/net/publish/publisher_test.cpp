#include "net/publish/publisher.hpp"
#include "net/testing/world.hpp"

#include <cerrno>
#include <gtest/gtest.h>
#include <sys/socket.h>

namespace msb::net {
namespace {

/// A socket bound to a port of the loopback that is free.
std::pair<OwnedFd, SocketAddress> bound(int type) {
    OwnedFd fd(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    SocketAddress name(Endpoint{IpAddress::loopback(false), 0});
    EXPECT_EQ(::bind(fd.get(), name.get(), name.size), 0);
    ::getsockname(fd.get(), name.get(), &name.size);
    return {std::move(fd), name};
}

OwnedFd connected(int type, const SocketAddress& to) {
    OwnedFd peer(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(peer.get(), to.get(), to.size), 0);
    return peer;
}

TEST(Publisher, PeersAreJudgedBeforeTheyReachTheGuest) {
    testing::World world;
    auto [listener, name] = bound(SOCK_STREAM);
    ASSERT_EQ(::listen(listener.get(), 4), 0);
    Publisher publisher(*world.loop, world.stack->tcp(), world.stack->gate(), std::move(listener),
                        8080, world.v4, world.v6);
    ASSERT_TRUE(publisher.start());
    world.dialer.failure = Error(ErrorKind::permission_denied, "no");
    const OwnedFd refused = connected(SOCK_STREAM, name);
    world.settle();
    char byte = 0;
    EXPECT_EQ(::recv(refused.get(), &byte, 1, 0), -1);
    EXPECT_EQ(errno, ECONNRESET);
    EXPECT_FALSE(world.next());
    ASSERT_EQ(world.dialer.asked.size(), 1U);
    const Flow& flow = world.dialer.asked[0];
    EXPECT_EQ(flow.direction, Direction::in);
    EXPECT_EQ(flow.peer(), IpAddress::loopback(false));
    EXPECT_EQ(flow.destination.port, 8080); // the guest's

    world.dialer.failure.reset();
    const OwnedFd let_in = connected(SOCK_STREAM, name);
    world.settle();
    EXPECT_TRUE(world.next_tcp());
}

TEST(Publisher, DatagramsAreJudgedOncePerPeer) {
    testing::World world;
    auto [socket, name] = bound(SOCK_DGRAM);
    ASSERT_TRUE(
        world.stack->udp().publish(std::move(socket), {world.v4.guest, 53}, world.v4.gateway));
    const OwnedFd peer = connected(SOCK_DGRAM, name);
    const auto send = [&] {
        ASSERT_EQ(::send(peer.get(), "x", 1, 0), 1);
        world.settle();
    };
    world.dialer.failure = Error(ErrorKind::permission_denied, "no");
    send();
    send();
    EXPECT_FALSE(world.next());
    EXPECT_EQ(world.dialer.asked.size(), 2U);
    world.dialer.failure.reset();
    send();
    send();
    EXPECT_TRUE(world.next_udp());
    EXPECT_TRUE(world.next_udp());
    EXPECT_EQ(world.dialer.asked.size(), 3U);
    EXPECT_EQ(world.dialer.asked.back().protocol, Protocol::udp);
}

} // namespace
} // namespace msb::net
