#include "net/tcp/tcp_fixture.hpp"

namespace msb::net {
namespace {

using namespace std::chrono_literals;
using namespace tcp_flag;

TEST_F(TcpTest, CarriesBytesBothWays) {
    open();
    world.send(segment(ack | psh, first + 1, "hello"));
    EXPECT_EQ(received(), "hello");
    expect(ack, first + 6);
    say("world");
    expect(ack, first + 6, "world");
    EXPECT_EQ(world.dialer.dialled.at(0), server);
}

TEST_F(TcpTest, RefusesAsTheHostDoes) {
    world.dialer.failure = Error::from_errno(ECONNREFUSED, "connect");
    world.send(segment(syn, first));
    auto answer = world.next_tcp();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->flags, rst | ack);
    EXPECT_EQ(answer->acknowledgement, first + 1);
    world.dialer.failure = Error(ErrorKind::permission_denied, "policy");
    server.port = 443;
    world.send(segment(syn, first));
    answer = world.next_tcp();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->flags, rst | ack);
    server.port = 80; // HTTP learns why
    world.send(segment(syn, first));
    world.settle();
    answer = world.next_tcp();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->flags, syn | ack);
    world.send(segment(rst, first + 1));
    world.dialer.failure = Error::from_errno(EHOSTUNREACH, "connect");
    world.send(segment(syn, first));
    const auto packet = world.next();
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->protocol, protocol_icmp);
    EXPECT_EQ(packet->payload[0], 3); // destination unreachable
    EXPECT_EQ(packet->payload[1], 1); // host
    EXPECT_EQ(load_be<std::uint16_t>(packet->payload.subspan(8 + 20)), guest.port);
    EXPECT_EQ(load_be<std::uint32_t>(packet->payload.subspan(8 + 24)), first);
    EXPECT_EQ(world.stack->tcp().count(), 0U);
}

TEST_F(TcpTest, TheGuestEndsFirst) {
    open();
    world.send(segment(ack | fin, first + 1, "last words"));
    EXPECT_EQ(received(), "last words");
    EXPECT_EQ(received(), ""); // end of file
    expect(ack, first + 12);
    say("an answer to that");
    expect(ack, first + 12, "an answer to that");
    world.send(segment(ack, first + 12));
    peer.reset();
    world.settle();
    expect(ack | fin, first + 12);
    world.send(segment(ack, first + 12));
    EXPECT_EQ(world.stack->tcp().count(), 0U);
}

TEST_F(TcpTest, TheHostEndsFirst) {
    open();
    say("all I have");
    ::shutdown(peer.get(), SHUT_WR);
    world.settle();
    expect(ack, first + 1, "all I have");
    expect(ack | fin, first + 1);
    world.send(segment(ack, first + 1));
    world.send(segment(ack, first + 1, "still talking"));
    EXPECT_EQ(received(), "still talking");
    expect(ack, first + 14);
    world.send(segment(ack | fin, first + 14));
    EXPECT_EQ(received(), "");
    // Everything is said: nothing is left to answer for, but the last acknowledgement is sent.
    expect(ack, first + 15);
    EXPECT_EQ(world.stack->tcp().count(), 0U);
}

TEST_F(TcpTest, BothEndAtOnce) {
    open();
    ::shutdown(peer.get(), SHUT_WR);
    world.settle();
    const auto their_fin = world.next_tcp();
    ASSERT_TRUE(their_fin);
    EXPECT_EQ(their_fin->flags & ~psh, ack | fin);
    world.send(segment(ack | fin, first + 1)); // sent before the other arrived
    expected += 1;
    const auto answer = world.next_tcp();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->acknowledgement, first + 2);
    EXPECT_EQ(world.stack->tcp().count(), 1U);
    world.send(segment(ack, first + 2));
    EXPECT_EQ(world.stack->tcp().count(), 0U);
}

TEST_F(TcpTest, AShutWindowIsProbed) {
    open();
    window = 0;
    world.send(segment(ack, first + 1));
    say("patience");
    EXPECT_TRUE(world.link.frames.empty());
    world.wait(450ms);
    const auto probe = world.next_tcp();
    ASSERT_TRUE(probe);
    EXPECT_EQ(probe->sequence, expected - 1); // an old number, which has to be answered
    EXPECT_TRUE(probe->payload.empty());
    world.link.frames.clear();
    window = 4;
    world.send(segment(ack, first + 1));
    expect(ack, first + 1, "pati");
    window = 100;
    world.send(segment(ack, first + 1));
    expect(ack, first + 1, "ence");
}

TEST_F(TcpTest, WhatTheGuestDropsIsSentAgain) {
    open();
    say("once");
    const auto lost = world.next_tcp();
    ASSERT_TRUE(lost);
    world.wait(450ms);
    expect(ack, first + 1, "once");
    world.link.frames.clear();
    world.send(segment(ack, first + 1));
    world.wait(300ms);
    EXPECT_TRUE(world.link.frames.empty());
}

TEST_F(TcpTest, ThreeDuplicatesAreALoss) {
    open();
    say("gone");
    const std::uint32_t after = expected + 4;
    world.link.frames.clear();
    for (int i = 0; i < 3; ++i)
        world.send(segment(ack, first + 1));
    expect(ack, first + 1, "gone");
    EXPECT_EQ(expected, after);
}

TEST_F(TcpTest, OrderAndOverlap) {
    open();
    world.send(segment(ack, first + 4, "defg")); // behind a gap
    EXPECT_EQ(received(), "nothing");
    expect(ack, first + 1);
    world.send(segment(ack, first + 1, "abcd"));
    EXPECT_EQ(received(), "abcd");
    expect(ack, first + 5);
    world.send(segment(ack, first + 3, "cdefg")); // the beginning is known
    EXPECT_EQ(received(), "efg");
    expect(ack, first + 8);
    world.send(segment(ack, first + 1, "abc")); // all of it is
    EXPECT_EQ(received(), "nothing");
    expect(ack, first + 8);
    world.send(segment(ack, first + 1'000'000, "z")); // beyond the window
    EXPECT_EQ(received(), "nothing");
    expect(ack, first + 8);
}

TEST_F(TcpTest, ResetsCountWhereTheyCanBeTrue) {
    open();
    world.send(segment(rst, first + 500'000));
    EXPECT_EQ(world.stack->tcp().count(), 1U);
    world.send(segment(rst, first + 10)); // RFC 5961: asks whether it is
    expect(ack, first + 1);
    EXPECT_EQ(world.stack->tcp().count(), 1U);
    world.send(segment(syn, first + 10));
    expect(ack, first + 1);
    world.send(segment(rst, first + 1));
    EXPECT_EQ(world.stack->tcp().count(), 0U);
    EXPECT_EQ(received(), "");
}

TEST_F(TcpTest, AHostErrorIsAReset) {
    open();
    world.send(segment(ack, first + 1, "unread"));
    expect(ack, first + 7);
    peer.reset(); // with unread data: ECONNRESET
    world.settle();
    const auto answer = world.next_tcp();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->flags, rst | ack);
    EXPECT_EQ(world.stack->tcp().count(), 0U);
}

TEST_F(TcpTest, WhatCameBeforeABreakArrives) {
    open();
    window = 3;
    world.send(segment(ack, first + 1, "unread"));
    expect(ack, first + 7);
    ASSERT_EQ(::send(peer.get(), "last words", 10, 0), 10);
    peer.reset(); // with unread data
    world.settle();
    expect(ack, first + 7, "las");
    window = 1000;
    world.send(segment(ack, first + 7, "nobody hears it"));
    const auto rest = world.next_tcp();
    ASSERT_TRUE(rest);
    EXPECT_EQ(as_text(rest->payload), "t words");
    const auto reset = world.next_tcp();
    ASSERT_TRUE(reset);
    EXPECT_EQ(reset->flags, rst | ack);
    EXPECT_EQ(world.stack->tcp().count(), 0U);
}

TEST_F(TcpTest, AHostThatDoesNotReadShutsTheWindow) {
    open();
    std::uint32_t next = first + 1;
    const std::string piece(1460, 'x');
    std::uint16_t announced = UINT16_MAX;
    for (int i = 0; i < 1000 && announced >= piece.size(); ++i) {
        world.send(segment(ack, next, piece));
        next += static_cast<std::uint32_t>(piece.size());
        while (const auto answer = world.next_tcp()) {
            announced = answer->window;
            EXPECT_EQ(answer->acknowledgement, next);
        }
    }
    EXPECT_LT(announced, piece.size());
    // Beyond the window: not taken.
    world.send(segment(ack, next, std::string(3000, 'y')));
    const auto answer = world.next_tcp();
    ASSERT_TRUE(answer);
    EXPECT_LT(answer->acknowledgement - next, 3000U);
    while (received() != "nothing")
        world.settle();
    bool opened = false;
    while (const auto update = world.next_tcp())
        opened = opened || update->window > 60000;
    EXPECT_TRUE(opened);
}

TEST_F(TcpTest, AFullLinkIsContinued) {
    open();
    world.link.full = true;
    say("later");
    world.wait(400ms);
    world.link.full = false;
    EXPECT_TRUE(world.link.frames.empty());
    world.stack->room();
    expect(ack, first + 1, "later");
}

TEST_F(TcpTest, LargeSegmentsOnlyWhereTheyAreTaken) {
    open();
    world.link.large_segments = true;
    say(std::string(20'000, 'a'));
    const auto large = world.next_tcp();
    ASSERT_TRUE(large);
    EXPECT_EQ(large->payload.size(), 20'000U);
}

TEST_F(TcpTest, AnUnknownConnectionIsReset) {
    world.send(segment(ack, 77));
    const auto answer = world.next_tcp();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->flags, rst);
    world.send(segment(rst, 77));
    EXPECT_TRUE(world.link.frames.empty());
}

TEST_F(TcpTest, BrokenChecksumsAreNotSeen) {
    TcpSegment request = segment(syn, first);
    Bytes bytes(tcp_header_size(request));
    write_tcp(request, bytes); // without a checksum
    world.send({.source = guest.address, .destination = server.address, .protocol = protocol_tcp},
               bytes);
    world.settle();
    EXPECT_TRUE(world.dialer.dialled.empty());
}

TEST_F(TcpTest, APublishedPortReachesTheGuest) {
    auto pair = sys_pair();
    accept(std::move(pair.first), {{{world.v4.guest, 8080}, world.v4.gateway}});
    auto request = world.next_tcp();
    ASSERT_TRUE(request);
    EXPECT_EQ(request->flags, syn);
    EXPECT_EQ(request->source, (Endpoint{world.v4.gateway, 5555}));
    guest.port = 8080;
    server = request->source;
    expected = request->sequence + 1;
    auto answer = segment(syn | ack, first);
    answer.mss = 1000;
    world.send(answer);
    expect(ack, first + 1);
    peer = std::move(pair.second);
    say("request");
    expect(ack, first + 1, "request");
    world.send(segment(ack | fin, first + 1, "response"));
    EXPECT_EQ(received(), "response");
    EXPECT_EQ(received(), "");
    // A guest that does not listen.
    pair = sys_pair();
    world.link.frames.clear();
    accept(std::move(pair.first), {{{world.v4.guest, 9}, world.v4.gateway}});
    request = world.next_tcp();
    ASSERT_TRUE(request);
    guest.port = 9;
    expected = request->sequence + 1;
    server = request->source;
    world.send(segment(rst | ack, 0));
    peer = std::move(pair.second);
    EXPECT_EQ(received(), "");
}

TEST_F(TcpTest, ARefusedFamilyIsNotTheEnd) {
    auto pair = sys_pair();
    const Endpoint loopback{IpAddress::loopback(false), 80};
    accept(std::move(pair.first), {{{world.v6.guest, 80}, world.v6.gateway},
                                   {{world.v4.guest, 80}, world.v4.gateway},
                                   {loopback, world.v4.gateway}});
    auto request = world.next_tcp();
    ASSERT_TRUE(request);
    EXPECT_TRUE(request->source.address.v6);
    guest = request->destination;
    server = request->source;
    expected = request->sequence + 1;
    world.send(segment(rst | ack, 0));
    request = world.next_tcp();
    ASSERT_TRUE(request);
    EXPECT_EQ(request->source, (Endpoint{world.v4.gateway, 5555}));
    guest = request->destination;
    server = request->source;
    expected = request->sequence + 1;
    world.send(segment(rst | ack, 0));
    request = world.next_tcp();
    ASSERT_TRUE(request);
    EXPECT_EQ(request->destination, loopback);
    guest = loopback;
    expected = request->sequence + 1;
    world.send(segment(syn | ack, first));
    expect(ack, first + 1);
    peer = std::move(pair.second);
    say("here");
    expect(ack, first + 1, "here");
    // What the guest begins there itself goes nowhere.
    guest.port = 81;
    world.send(segment(syn, first));
    world.settle();
    EXPECT_TRUE(world.dialer.dialled.empty());
    EXPECT_FALSE(world.next_tcp());
}

class SmallTcpTest : public TcpTest {
  protected:
    SmallTcpTest() : TcpTest(8) {}
};

TEST_F(SmallTcpTest, AFloodOfHandshakesIsBounded) {
    for (std::uint16_t port = 1000; port < 1100; ++port) {
        guest.port = port;
        world.send(segment(syn, first));
    }
    world.settle();
    EXPECT_EQ(world.stack->tcp().count(), 4U); // half of them at most are not established
    EXPECT_EQ(world.dialer.dialled.size(), 4U);
    world.stack->link_reset();
    EXPECT_EQ(world.stack->tcp().count(), 0U);
}

/// Connections that begin and end while the guest takes nothing leave nothing behind.
TEST_F(SmallTcpTest, AGuestThatMakesNoRoomHoldsNoMemory) {
    world.link.full = true;
    for (std::uint16_t port = 1000; port < 1100; ++port) {
        guest.port = port;
        world.send(segment(syn, first));
        world.settle(); // the answer waits for room
        EXPECT_EQ(world.stack->tcp().waiting(), 1U);
        world.send(segment(rst, first + 1));
        EXPECT_EQ(world.stack->tcp().count(), 0U);
        EXPECT_EQ(world.stack->tcp().waiting(), 0U);
        world.dialer.peers.clear();
    }
}

class LargeTcpTest : public TcpTest {
  protected:
    LargeTcpTest() : TcpTest(1024) {}
};

TEST_F(LargeTcpTest, ManyConnectionsShareWhatFewHave) {
    constexpr std::uint16_t count = 400;
    const Bytes data(std::size_t{1} << 20);
    std::vector<OwnedFd> peers;
    for (std::uint16_t port = 1000; port < 1000 + count; ++port) {
        guest.port = port;
        open();
        peers.push_back(std::move(peer));
    }
    for (const OwnedFd& one : peers) { // nobody acknowledges what comes
        for (int i = 0; i < 8; ++i) {
            (void)::send(one.get(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            world.settle();
        }
        world.link.frames.clear();
    }
    EXPECT_LE(world.stack->tcp().buffered(), std::size_t{16} << 20);
    EXPECT_GE(world.stack->tcp().buffered(), std::size_t{8} << 20); // all of them have something
    // The window that a new connection is offered is smaller, too.
    guest.port = 2000;
    open();
    world.send(segment(ack | psh, first + 1, "x"));
    const auto answer = world.next_tcp();
    ASSERT_TRUE(answer);
    EXPECT_LE(answer->window, (16 << 20) / count);
}

TEST_F(SmallTcpTest, AFullTableRefuses) {
    std::vector<OwnedFd> peers;
    for (std::uint16_t port = 1000; port < 1008; ++port) {
        guest.port = port;
        open();
        peers.push_back(std::move(peer));
    }
    guest.port = 2000;
    world.send(segment(syn, first));
    const auto answer = world.next_tcp();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->flags, rst | ack);
}

TEST_F(TcpTest, WhatDependsOnTheOpeningWaitsForIt) {
    world.dialer.depends_on_opening = true;
    open();
    const Bytes hello = testing::hello_record("www.example.org");
    say("banner"); // a server may speak first
    expect(ack, first + 1, "banner");
    std::uint32_t at = first + 1;
    for (const std::uint8_t byte : hello) {
        EXPECT_EQ(received(), "nothing");
        EXPECT_TRUE(world.dialer.asked.empty());
        world.send(segment(ack, at++, as_text(BytesView(&byte, 1))));
    }
    EXPECT_EQ(received(), as_text(hello));
    ASSERT_EQ(world.dialer.asked.size(), 1U);
    EXPECT_EQ(world.dialer.asked[0].opening->server_name, "www.example.org");
    world.link.frames.clear();
    world.send(segment(ack, at, "no record of TLS"));
    const auto reset = world.next_tcp();
    ASSERT_TRUE(reset);
    EXPECT_EQ(reset->flags, rst | ack);
    EXPECT_EQ(world.stack->tcp().count(), 0U);
}

TEST_F(TcpTest, AnOpeningThatIsRefusedResetsBothSides) {
    world.dialer.depends_on_opening = true;
    open();
    world.dialer.admits = [](const Flow& flow) -> Status {
        if (flow.opening->server_name == "a.org")
            return {};
        return fail(ErrorKind::permission_denied, "no");
    };
    const Bytes hello = testing::hello_record("b.org");
    world.send(segment(ack | psh, first + 1, as_text(hello)));
    const auto reset = world.next_tcp();
    ASSERT_TRUE(reset);
    EXPECT_EQ(reset->flags, rst | ack);
    EXPECT_EQ(world.stack->tcp().count(), 0U);
    EXPECT_NE(received(), as_text(hello));
}

TEST_F(TcpTest, WhatIsNoTlsGoesOnAsItComes) {
    world.dialer.depends_on_opening = true;
    open();
    world.send(segment(ack | psh, first + 1, "GET"));
    EXPECT_EQ(received(), "GET");
    ASSERT_EQ(world.dialer.asked.size(), 1U);
    EXPECT_FALSE(world.dialer.asked[0].opening->tls);
    world.send(segment(ack | psh, first + 4, " / HTTP"));
    EXPECT_EQ(received(), " / HTTP");
    EXPECT_EQ(world.dialer.asked.size(), 1U);
}

TEST_F(TcpTest, AnEndBeforeTheOpeningIsWholeIsRefused) {
    world.dialer.depends_on_opening = true;
    open();
    world.send(segment(ack | psh | fin, first + 1, as_text(Bytes{22, 3, 1})));
    const auto reset = world.next_tcp();
    ASSERT_TRUE(reset);
    EXPECT_EQ(reset->flags, rst | ack);
}

} // namespace
} // namespace msb::net
