#include "base/system.hpp"
#include "net/frames/checksum.hpp"
#include "net/frames/reassembly.hpp"
#include "net/testing/world.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <sys/socket.h>

namespace msb::net {
namespace {

using namespace std::chrono_literals;

const Endpoint outside{IpAddress(Ipv4Bytes{93, 184, 215, 14}), 4000};
const Endpoint outside_v6{*IpAddress::parse("2606:4700::1111"), 4000};

TEST(Checksum, KnownValues) {
    // RFC 1071 §3.
    const Bytes bytes{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    EXPECT_EQ(Checksum().add(bytes).folded(), 0xddf2);
    EXPECT_EQ(Checksum().add(Bytes{0xff}).folded(), 0xff00);
}

TEST(Stack, AnswersForItsOwnAddressOnly) {
    testing::World world;
    Bytes frame(42);
    write_ethernet(frame, {255, 255, 255, 255, 255, 255}, world.guest_mac, ethertype_arp);
    const Bytes head{0, 1, 8, 0, 6, 4, 0, 1};
    std::ranges::copy(head, frame.begin() + 14);
    std::ranges::copy(world.v4.guest.view(), frame.begin() + 28);
    std::ranges::copy(world.v4.gateway.view(), frame.begin() + 38);
    world.stack->frame(frame, false);
    ASSERT_EQ(world.link.frames.size(), 1U);
    EXPECT_EQ(world.link.frames[0][21], 2); // a reply
    EXPECT_TRUE(
        std::ranges::equal(BytesView(world.link.frames[0]).subspan(22, 6), world.gateway_mac));
    frame[41] = 9;
    world.stack->frame(frame, false);
    EXPECT_EQ(world.link.frames.size(), 1U);

    Bytes solicitation(24);
    solicitation[0] = 135;
    std::ranges::copy(world.v6.gateway.view(), solicitation.begin() + 8);
    world.send_icmp(world.v6.gateway, solicitation);
    (void)world.next(); // the ARP reply
    const auto packet = world.next();
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->hop_limit, 255);
    EXPECT_EQ(packet->payload[0], 136);
    solicitation[23] = 77;
    world.send_icmp(world.v6.gateway, solicitation);
    EXPECT_FALSE(world.next());
}

TEST(Stack, OthersThanTheGuestAreNotHeard) {
    testing::World world;
    world.send_udp({IpAddress(Ipv4Bytes{10, 0, 0, 1}), 5000}, outside, as_bytes("x"));
    EXPECT_TRUE(world.dialer.dialled.empty());
    world.send_udp({world.v4.guest, 5000}, outside, as_bytes("x"));
    EXPECT_EQ(world.dialer.dialled.size(), 1U);
}

TEST(Stack, EchoesOfTheGatewayAndBeyond) {
    testing::World world;
    for (const IpAddress& gateway : {world.v4.gateway, world.v6.gateway}) {
        const auto type = static_cast<std::uint8_t>(gateway.v6 ? 128 : 8);
        world.send_icmp(gateway, {type, 0, 0, 0, 1, 2, 3, 4, 'd', 'a', 't', 'a'});
        const auto packet = world.next();
        ASSERT_TRUE(packet);
        EXPECT_EQ(packet->payload[0], gateway.v6 ? 129 : 0);
        EXPECT_EQ(as_text(packet->payload.subspan(8)), "data");
    }
    world.send_icmp(outside.address, {8, 0, 0, 0, 7, 7, 0, 1, 'd'});
    ASSERT_EQ(world.dialer.peers.size(), 1U);
    Bytes echo(64);
    const ssize_t count = ::recv(world.dialer.peers[0].get(), echo.data(), echo.size(), 0);
    ASSERT_EQ(count, 9);
    echo[0] = 0;
    echo[4] = echo[5] = 99; // the kernel's own identifier
    ::send(world.dialer.peers[0].get(), echo.data(), 9, 0);
    world.settle();
    const auto packet = world.next();
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->source, outside.address);
    EXPECT_EQ(load_be<std::uint16_t>(packet->payload.subspan(4)), 0x0707);
    world.dialer.failure = Error(ErrorKind::permission_denied, "policy");
    world.send_icmp(outside.address, {8, 0, 0, 0, 8, 8, 0, 1, 'd'});
    const auto denied = world.next();
    ASSERT_TRUE(denied);
    EXPECT_EQ(denied->payload[0], 3);
    EXPECT_EQ(denied->payload[1], 13);
}

TEST(Stack, DatagramsBothWays) {
    testing::World world;
    for (const Endpoint& remote : {outside, outside_v6}) {
        const Endpoint guest{remote.address.v6 ? world.v6.guest : world.v4.guest, 5000};
        world.send_udp(guest, remote, as_bytes("question"));
        ASSERT_FALSE(world.dialer.peers.empty());
        const OwnedFd peer = std::move(world.dialer.peers.back());
        world.dialer.peers.pop_back();
        std::array<char, 64> text{};
        ASSERT_EQ(::recv(peer.get(), text.data(), text.size(), 0), 8);
        ::send(peer.get(), "answer", 6, 0);
        world.settle();
        const auto datagram = world.next_udp();
        ASSERT_TRUE(datagram);
        EXPECT_EQ(datagram->source, remote);
        EXPECT_EQ(datagram->destination, guest);
        EXPECT_EQ(as_text(datagram->payload), "answer");
        // Larger than the link: in fragments.
        const std::string large(4000, 'l');
        ::send(peer.get(), large.data(), large.size(), 0);
        world.settle();
        std::size_t total = 0;
        for (bool more = true; more;) {
            const auto packet = world.next();
            ASSERT_TRUE(packet && packet->fragment);
            EXPECT_LE(packet->packet.size(), 1500U);
            EXPECT_EQ(packet->fragment->offset, total);
            total += packet->payload.size();
            more = packet->fragment->more;
        }
        EXPECT_EQ(total, 8 + large.size());
    }
    EXPECT_EQ(world.stack->udp().flow_count(), 2U);
}

TEST(Stack, TheLargestDatagramsBothWays) {
    testing::World world;
    // 65535 bytes with the headers that count: IPv4's, RFC 791; not IPv6's own, RFC 8200.
    for (const auto& [remote, most] : {std::pair{outside, 65507U}, std::pair{outside_v6, 65527U}}) {
        const Endpoint guest{remote.address.v6 ? world.v6.guest : world.v4.guest, 5000};
        world.send_udp(guest, remote, as_bytes("question"));
        ASSERT_FALSE(world.dialer.peers.empty());
        const int peer = world.dialer.peers.back().get();
        Bytes got(70000);
        ASSERT_EQ(::recv(peer, got.data(), got.size(), 0), 8);
        // To the guest.
        for (const std::size_t size : {std::size_t{most}, most - std::size_t{27}}) {
            ASSERT_EQ(::send(peer, got.data(), size, 0), static_cast<ssize_t>(size));
            world.settle();
            Reassembler reassembler;
            std::optional<Bytes> whole;
            while (const auto packet = world.next())
                whole = reassembler.add(*packet, Reassembler::Clock::now());
            ASSERT_TRUE(whole) << size;
            EXPECT_EQ(whole->size(), 8 + size);
        }
        // From the guest, over a link of 576 bytes.
        Bytes bytes(8 + most);
        store_be(MutableBytesView(bytes), guest.port);
        store_be(MutableBytesView(bytes).subspan(2), remote.port);
        store_be(MutableBytesView(bytes).subspan(4), static_cast<std::uint16_t>(bytes.size()));
        store_be(MutableBytesView(bytes).subspan(6),
                 Checksum()
                     .add_pseudo_header(guest.address, remote.address, protocol_udp, bytes.size())
                     .add(bytes)
                     .finish());
        for (std::size_t begin = 0; begin < bytes.size(); begin += 552)
            world.send(
                {.source = guest.address,
                 .destination = remote.address,
                 .protocol = protocol_udp,
                 .fragment =
                     Fragment{9, static_cast<std::uint32_t>(begin), begin + 552 < bytes.size()}},
                BytesView(bytes).subspan(begin, std::min<std::size_t>(552, bytes.size() - begin)));
        EXPECT_EQ(::recv(peer, got.data(), got.size(), MSG_DONTWAIT), most);
    }
}

TEST(Stack, FragmentsArePutTogether) {
    testing::World world;
    for (const Endpoint& remote : {outside, outside_v6}) {
        const IpAddress& guest = remote.address.v6 ? world.v6.guest : world.v4.guest;
        Bytes bytes(8 + 3000);
        for (std::size_t i = 8; i < bytes.size(); ++i)
            bytes[i] = static_cast<std::uint8_t>(i);
        store_be(MutableBytesView(bytes), std::uint16_t{5000});
        store_be(MutableBytesView(bytes).subspan(2), remote.port);
        store_be(MutableBytesView(bytes).subspan(4), static_cast<std::uint16_t>(bytes.size()));
        store_be(MutableBytesView(bytes).subspan(6),
                 Checksum()
                     .add_pseudo_header(guest, remote.address, protocol_udp, bytes.size())
                     .add(bytes)
                     .finish());
        const auto piece = [&](std::uint32_t id, std::uint32_t begin, std::uint32_t end) {
            world.send({.source = guest,
                        .destination = remote.address,
                        .protocol = protocol_udp,
                        .fragment = Fragment{id, begin, end < bytes.size()}},
                       BytesView(bytes).subspan(begin, end - begin));
        };
        piece(1, 1480, 2960); // in any order
        piece(1, 2960, 3008);
        EXPECT_TRUE(world.dialer.peers.empty());
        piece(1, 0, 1480);
        ASSERT_EQ(world.dialer.peers.size(), 1U);
        std::array<char, 4000> got{};
        EXPECT_EQ(::recv(world.dialer.peers[0].get(), got.data(), got.size(), 0), 3000);
        piece(2, 0, 1480);
        piece(2, 8, 1488); // overlaps: all of it is spoilt
        piece(2, 1480, 3008);
        EXPECT_LT(::recv(world.dialer.peers[0].get(), got.data(), got.size(), MSG_DONTWAIT), 0);
        world.dialer.peers.clear();
    }
}

TEST(Stack, DeniedDatagramsAreAnswered) {
    testing::World world;
    world.dialer.failure = Error(ErrorKind::permission_denied, "policy");
    world.send_udp({world.v4.guest, 5000}, outside, as_bytes("x"));
    auto packet = world.next();
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->payload[0], 3);
    EXPECT_EQ(packet->payload[1], 13);
    world.send_udp({world.v6.guest, 5000}, outside_v6, as_bytes("x"));
    packet = world.next();
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->payload[0], 1);
    EXPECT_EQ(packet->payload[1], 1);
    // What went to many gets no answer.
    world.send_udp({world.v4.guest, 5000}, {IpAddress(Ipv4Bytes{224, 0, 0, 251}), 5353},
                   as_bytes("x"));
    EXPECT_FALSE(world.next());
}

TEST(Stack, FlowsAreBounded) {
    testing::World world;
    for (std::uint16_t port = 1; port <= Udp::max_flows + 50; ++port) {
        world.send_udp({world.v4.guest, port}, outside, as_bytes("x"));
        world.dialer.peers.clear();
    }
    EXPECT_EQ(world.stack->udp().flow_count(), Udp::max_flows);
    for (std::uint8_t id = 0; id < 100; ++id)
        world.send_icmp(outside.address, {8, 0, 0, 0, 0, id, 0, 1});
    EXPECT_EQ(world.stack->icmp().flow_count(), Icmp::max_flows);
}

TEST(Stack, PublishedUdpFindsItsWayBack) {
    testing::World world;
    const IpAddress loopback = IpAddress::loopback(false);
    const auto bound = [&] {
        OwnedFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        SocketAddress name(Endpoint{loopback, 0});
        EXPECT_EQ(::bind(fd.get(), name.get(), name.size), 0);
        return fd;
    };
    OwnedFd published = bound();
    SocketAddress address;
    ::getsockname(published.get(), address.get(), &address.size);
    ASSERT_TRUE(
        world.stack->udp().publish(std::move(published), {world.v4.guest, 5353}, world.v4.gateway));
    const OwnedFd client = bound();
    ASSERT_EQ(::connect(client.get(), address.get(), address.size), 0);
    ::send(client.get(), "in", 2, 0);
    world.settle();
    const auto datagram = world.next_udp();
    ASSERT_TRUE(datagram);
    EXPECT_EQ(datagram->destination, (Endpoint{world.v4.guest, 5353}));
    EXPECT_EQ(datagram->source.address, world.v4.gateway);
    world.send_udp(datagram->destination, datagram->source, as_bytes("out"));
    std::array<char, 16> text{};
    ASSERT_EQ(::recv(client.get(), text.data(), text.size(), 0), 3);
    EXPECT_TRUE(world.dialer.dialled.empty());
}

TEST(Output, SendsOneSegmentAtLeast) {
    testing::FakeLink link;
    const Output output(link, {.mtu = 65520});
    for (const bool large : {false, true}) {
        link.large_segments = large;
        EXPECT_EQ(output.most_payload(false, 65480), 65480U); // an MTU of 65520
        EXPECT_EQ(output.most_payload(true, 1440), large ? 64800U : 1440U);
    }
}

TEST(Stack, QuicIsRefusedWhereItsServerHasToBeSeen) {
    testing::World world;
    world.dialer.depends_on_opening = true;
    const Endpoint guest{world.v4.guest, 5000}, remote{IpAddress(Ipv4Bytes{93, 184, 215, 14}), 443};
    Bytes initial(1200);
    initial[0] = 0xc3;
    initial[4] = 1; // version
    initial[5] = 8; // connection id
    world.send_udp(guest, remote, initial);
    const auto refusal = world.next();
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->protocol, protocol_icmp);
    EXPECT_EQ(refusal->payload[1], 13); // prohibited
    ASSERT_EQ(world.dialer.peers.size(), 1U);
    std::array<char, 2000> data;
    EXPECT_EQ(::recv(world.dialer.peers[0].get(), data.data(), data.size(), MSG_DONTWAIT), -1);
    world.send_udp(guest, remote, as_bytes("anything else"));
    EXPECT_EQ(::recv(world.dialer.peers[0].get(), data.data(), data.size(), MSG_DONTWAIT), 13);
}

} // namespace
} // namespace msb::net
