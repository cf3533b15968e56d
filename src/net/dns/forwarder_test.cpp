#include "net/frames/reassembly.hpp"
#include "net/testing/world.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace msb::net {
namespace {

using namespace std::chrono_literals;

/// A query for the A record of `name`.
Bytes query(std::string_view name, std::uint8_t type = 1) {
    Bytes bytes{0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
    while (!name.empty()) {
        const auto label = name.substr(0, name.find('.'));
        bytes.push_back(static_cast<std::uint8_t>(label.size()));
        bytes.insert(bytes.end(), label.begin(), label.end());
        name.remove_prefix(std::min(name.size(), label.size() + 1));
    }
    bytes.insert(bytes.end(), {0, 0, type, 0, 1});
    return bytes;
}

TEST(Stack, TheHostHasAName) {
    testing::World world;
    const Endpoint guest{world.v4.guest, 6000}, server{world.v4.gateway, 53};
    world.send_udp(guest, server, query("Host.microsandbox.internal"));
    auto answer = world.next_udp();
    ASSERT_TRUE(answer);
    EXPECT_TRUE(std::ranges::equal(answer->payload.last(4), world.v4.gateway.view()));
    world.send_udp(guest, server, query("host.microsandbox.internal", 28));
    answer = world.next_udp();
    ASSERT_TRUE(answer);
    EXPECT_TRUE(std::ranges::equal(answer->payload.last(16), world.v6.gateway.view()));
    // Nobody to ask about others.
    world.send_udp(guest, server, query("example.org"));
    world.wait(20ms);
    answer = world.next_udp();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->payload[3] & 0x0f, 2); // SERVFAIL
    EXPECT_EQ(world.stack->dns().exchange_count(), 0U);
}

/// A resolver on this machine's loopback.
class Resolver {
  public:
    Resolver() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        SocketAddress name(Endpoint{IpAddress::loopback(false), 0});
        EXPECT_EQ(::bind(socket_.get(), name.get(), name.size), 0);
        ::getsockname(socket_.get(), name.get(), &name.size);
        address_ = *name.endpoint();
    }
    const Endpoint& address() const { return address_; }
    void close() { socket_.reset(); }
    Bytes take() {
        Bytes message(65536);
        const ssize_t count =
            ::recvfrom(socket_.get(), message.data(), message.size(), 0, peer_.get(), &peer_.size);
        message.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
        return message;
    }
    void answer(const Bytes& message) {
        ::sendto(socket_.get(), message.data(), message.size(), 0, peer_.get(), peer_.size);
    }

  private:
    OwnedFd socket_;
    Endpoint address_;
    SocketAddress peer_;
};

TEST(Forwarder, AsksTheNextResolverAndBelievesTheRightAnswerOnly) {
    testing::World world;
    Output output(world.link, {world.guest_mac, world.gateway_mac, 1500});
    Resolver dead, alive;
    dead.close();
    DnsForwarder forwarder(*world.loop, output, world.dialer,
                           {.resolvers = {dead.address(), alive.address()},
                            .gateways = {world.v4.gateway, std::nullopt}});
    const Endpoint guest{world.v4.guest, 6000}, server{world.v4.gateway, 53};
    const Bytes asked = query("example.org");
    forwarder.datagram(guest, server, asked);
    world.wait(50ms); // the first refuses at once
    Bytes message = alive.take();
    ASSERT_EQ(message.size(), asked.size());
    Bytes forged = message;
    forged[2] |= 0x80;
    forged[0] ^= 1; // another id
    alive.answer(forged);
    forged = message;
    forged[2] |= 0x80;
    forged[14] ^= 1; // another question
    alive.answer(forged);
    world.wait(20ms);
    EXPECT_FALSE(world.next_udp());
    message[2] |= 0x80;
    alive.answer(message);
    world.wait(20ms);
    const auto answer = world.next_udp();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->payload[0], asked[0]); // the guest's own id
    EXPECT_EQ(answer->payload[1], asked[1]);
    EXPECT_EQ(answer->source, server);
    EXPECT_EQ(forwarder.exchange_count(), 0U);
    // The one that answered comes first now. A family the guest does not have is not asked about.
    forwarder.datagram(guest, server, query("example.org", 28));
    const auto none = world.next_udp();
    ASSERT_TRUE(none);
    EXPECT_EQ(load_be<std::uint16_t>(none->payload.subspan(6)), 0);
    forwarder.datagram(guest, server, asked);
    world.settle();
    EXPECT_EQ(alive.take().size(), asked.size());
    // Bounded, and told so.
    for (int i = 0; i < 200; ++i)
        forwarder.datagram(guest, server, asked);
    EXPECT_EQ(forwarder.exchange_count(), DnsForwarder::max_exchanges);
    EXPECT_EQ(world.link.frames.size(), 200 - DnsForwarder::max_exchanges + 1);
}

TEST(Forwarder, WhatIsNotAllowedHasNoName) {
    testing::World world;
    Output output(world.link, {world.guest_mac, world.gateway_mac, 1500});
    world.dialer.failure = Error(ErrorKind::permission_denied, "no");
    DnsForwarder forwarder(*world.loop, output, world.dialer,
                           {.resolvers = {}, .gateways = {world.v4.gateway, std::nullopt}});
    forwarder.datagram({world.v4.guest, 6000}, {world.v4.gateway, 53}, query("example.org"));
    const auto answer = world.next_udp();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->payload[3] & 0x0f, 3);
    ASSERT_EQ(world.dialer.asked.size(), 1U);
    const Flow& lookup = world.dialer.asked[0];
    EXPECT_TRUE(lookup.lookup);
    EXPECT_EQ(lookup.protocol, Protocol::udp);
    EXPECT_EQ(lookup.destination, (Endpoint{world.v4.gateway, 53}));
    EXPECT_EQ(lookup.names, std::vector<std::string>{"example.org"});
}

/// The answer to a question: an error, or nothing but the question.
Bytes answer_to(Bytes question, std::uint8_t code = 0) {
    question[2] |= 0x80;
    question[3] = static_cast<std::uint8_t>(0x80 | code);
    return question;
}

struct Asker {
    testing::World world;
    Output output{world.link, {world.guest_mac, world.gateway_mac, 1500}};
    const Endpoint guest{world.v4.guest, 6000}, server{world.v4.gateway, 53};

    DnsForwarder forwarder(std::vector<Endpoint> resolvers) {
        return {*world.loop,
                output,
                world.dialer,
                {.resolvers = std::move(resolvers), .gateways = {world.v4.gateway, std::nullopt}}};
    }
    /// The code of the answer that the guest got, or -1.
    int code() {
        world.wait(20ms);
        const auto answer = world.next_udp();
        return answer ? answer->payload[3] & 0x0f : -1;
    }
};

TEST(Forwarder, RemembersWhatTheGuestWasAnswered) {
    Asker asker;
    Resolver resolver;
    DnsForwarder forwarder = asker.forwarder({resolver.address()});
    forwarder.datagram(asker.guest, asker.server, query("Example.org"));
    asker.world.wait(50ms);
    Bytes answer = answer_to(resolver.take());
    answer[7] = 2; // an alias, and the address of what it leads to, for 5 minutes and an hour
    answer.insert(answer.end(), {0xc0, 12, 0, 5, 0, 1, 0, 0, 1, 44, 0, 2, 0xc0, 20});
    answer.insert(answer.end(), {0xc0, 20, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 192, 0, 2, 7});
    resolver.answer(answer);
    EXPECT_EQ(asker.code(), 0);
    const IpAddress address(Ipv4Bytes{192, 0, 2, 7});
    const auto now = NameMemory::Clock::now();
    EXPECT_EQ(forwarder.names().names_of(address, now), std::vector<std::string>{"example.org"});
    EXPECT_TRUE(forwarder.names().names_of(address, now + 301s).empty()); // the shorter time
    EXPECT_EQ(forwarder.names().size(), 1U);
}

TEST(Forwarder, AnAnswerMayComeLate) {
    Asker asker;
    Resolver slow, silent;
    DnsForwarder forwarder = asker.forwarder({slow.address(), silent.address()});
    forwarder.datagram(asker.guest, asker.server, query("example.org"));
    asker.world.wait(50ms);
    const Bytes first = slow.take();
    ASSERT_FALSE(first.empty());
    asker.world.wait(DnsExchange::time_of_one);
    EXPECT_EQ(silent.take(), first); // the next one is asked, and nobody is forgotten
    EXPECT_EQ(asker.code(), -1);
    slow.answer(answer_to(first));
    EXPECT_EQ(asker.code(), 0);
    EXPECT_EQ(forwarder.exchange_count(), 0U);
}

TEST(Forwarder, ASilentResolverIsAskedAgain) {
    Asker asker;
    Resolver lossy;
    DnsForwarder forwarder = asker.forwarder({lossy.address()});
    forwarder.datagram(asker.guest, asker.server, query("example.org"));
    asker.world.wait(50ms);
    const Bytes first = lossy.take();
    ASSERT_FALSE(first.empty());
    asker.world.wait(DnsExchange::time_of_one);
    EXPECT_EQ(lossy.take(), first);
    lossy.answer(answer_to(first));
    EXPECT_EQ(asker.code(), 0);
}

TEST(Forwarder, WhoCannotHelpIsNotTheLastWord) {
    Asker asker;
    Resolver broken, good;
    for (const bool helps : {true, false}) {
        DnsForwarder forwarder = asker.forwarder({broken.address(), good.address()});
        forwarder.datagram(asker.guest, asker.server, query("example.org"));
        asker.world.wait(20ms);
        broken.answer(answer_to(broken.take(), 2));
        asker.world.wait(20ms);
        good.answer(answer_to(good.take(), helps ? 0 : 5));
        if (!helps) { // each is asked twice
            asker.world.wait(20ms);
            broken.answer(answer_to(broken.take(), 2));
            asker.world.wait(20ms);
            good.answer(answer_to(good.take(), 5));
        }
        EXPECT_EQ(asker.code(), helps ? 0 : 5);
        EXPECT_EQ(forwarder.exchange_count(), 0U);
    }
}

TEST(Forwarder, AnswersOfAllSizes) {
    Asker asker;
    Resolver resolver;
    DnsForwarder forwarder = asker.forwarder({resolver.address()});
    Bytes asked = query("example.org");
    asked[11] = 1; // EDNS: answers of up to 65507 bytes are taken
    asked.insert(asked.end(), {0, 0, 41, 0xff, 0xe3, 0, 0, 0, 0, 0, 0});
    forwarder.datagram(asker.guest, asker.server, asked);
    asker.world.wait(20ms);
    Bytes large = answer_to(resolver.take());
    large.resize(65507);
    resolver.answer(large);
    asker.world.wait(20ms);
    Reassembler reassembler;
    std::optional<Bytes> whole;
    while (const auto packet = asker.world.next())
        whole = reassembler.add(*packet, Reassembler::Clock::now());
    ASSERT_TRUE(whole);
    EXPECT_EQ(whole->size(), 8U + 65507U);
    // Who takes 512 bytes gets the beginning, and is told.
    forwarder.datagram(asker.guest, asker.server, query("example.org"));
    asker.world.wait(20ms);
    large = answer_to(resolver.take());
    large.resize(513);
    resolver.answer(large);
    asker.world.wait(20ms);
    const auto cut = asker.world.next_udp();
    ASSERT_TRUE(cut);
    EXPECT_NE(cut->payload[2] & 0x02, 0);
    EXPECT_LE(cut->payload.size(), 512U);
}

TEST(Forwarder, ADifferentServerIsAskedItself) {
    Asker asker;
    Resolver ours, other;
    DnsForwarder forwarder = asker.forwarder({ours.address()});
    forwarder.datagram(asker.guest, other.address(), query("example.org"));
    asker.world.wait(20ms);
    EXPECT_TRUE(ours.take().empty());
    Bytes answer = answer_to(other.take());
    answer[7] = 1;
    answer.insert(answer.end(), {0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 9, 9, 9, 9});
    other.answer(answer);
    asker.world.wait(20ms);
    const auto got = asker.world.next_udp();
    ASSERT_TRUE(got);
    EXPECT_EQ(got->source, other.address());
    EXPECT_EQ(forwarder.names().size(), 0U); // it may be the guest's own
    // Judged by name, and then by the server.
    const auto& asked = asker.world.dialer.asked;
    ASSERT_EQ(asked.size(), 2U);
    EXPECT_TRUE(asked[0].lookup);
    EXPECT_FALSE(asked[1].lookup);
    EXPECT_EQ(asked[1].destination, other.address());
    asker.world.dialer.admits = [](const Flow& flow) -> Status {
        return flow.lookup ? Status() : fail(ErrorKind::permission_denied, "no");
    };
    forwarder.datagram(asker.guest, other.address(), query("example.org"));
    EXPECT_EQ(asker.code(), 3);
    EXPECT_TRUE(other.take().empty());
}

TEST(Forwarder, AnswersAreJudged) {
    Asker asker;
    Resolver resolver;
    DnsForwarder forwarder = asker.forwarder({resolver.address()});
    const auto code_of = [&](std::initializer_list<std::uint8_t> records, std::uint8_t count) {
        forwarder.datagram(asker.guest, asker.server, query("example.org"));
        asker.world.wait(20ms);
        Bytes answer = answer_to(resolver.take());
        answer[7] = count;
        answer.insert(answer.end(), records);
        resolver.answer(answer);
        return asker.code();
    };
    asker.world.dialer.admits = [](const Flow& flow) -> Status {
        return flow.aliases == std::vector<std::string>{"b.org"}
                   ? Status(fail(ErrorKind::permission_denied, "no"))
                   : Status();
    };
    EXPECT_EQ(code_of({0xc0, 12, 0, 5, 0, 1, 0, 0, 1, 44, 0, 4, 1, 'b', 0xc0, 20}, 1), 3);
    EXPECT_EQ(code_of({0xc0, 12, 0, 5, 0, 1, 0, 0, 1, 44, 0, 4, 1, 'c', 0xc0, 20}, 1), 0);
    asker.world.dialer.unwanted = IpAddress(Ipv4Bytes{10, 0, 0, 1});
    EXPECT_EQ(code_of({0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 10, 0, 0, 1}, 1), 3);
    EXPECT_EQ(code_of({0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 10, 0, 0, 2}, 1), 0);
    EXPECT_EQ(code_of({0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 10, 0}, 1), 2); // cut off
    EXPECT_EQ(code_of({}, 9), 2);
}

TEST(Forwarder, WhoIsAskedForCannotBeHiddenWhereNamesCount) {
    Asker asker;
    Resolver resolver;
    DnsForwarder forwarder = asker.forwarder({resolver.address()});
    for (const bool names_count : {false, true}) {
        asker.world.dialer.names_count = names_count;
        forwarder.datagram(asker.guest, asker.server, query("example.org", 65));
        asker.world.wait(20ms);
        Bytes answer = answer_to(resolver.take());
        answer[7] = 1; // a service with keys for encrypted openings and an address
        answer.insert(answer.end(), {0xc0, 12, 0, 65, 0, 1, 0, 0, 1, 44, 0, 19, 0, 1, 0});
        answer.insert(answer.end(), {0, 4, 0, 4, 9, 9, 9, 9, 0, 5, 0, 4, 1, 2, 3, 4});
        resolver.answer(answer);
        asker.world.wait(20ms);
        const auto got = asker.world.next_udp();
        ASSERT_TRUE(got);
        const std::string hex = to_hex(got->payload);
        EXPECT_EQ(hex.find("0004000409090909"), std::string::npos);
        EXPECT_EQ(hex.find("0005000401020304") == std::string::npos, names_count);
        EXPECT_EQ(got->payload.size(), answer.size());
    }
}

TEST(Forwarder, TheAskersCaseComesBack) {
    Asker asker;
    Resolver resolver;
    DnsForwarder forwarder = asker.forwarder({resolver.address()});
    forwarder.datagram(asker.guest, asker.server, query("eXaMpLe.org"));
    asker.world.wait(20ms);
    Bytes answer = answer_to(resolver.take());
    EXPECT_EQ(as_text(BytesView(answer).subspan(13, 7)), "eXaMpLe");
    answer[13] = 'E';
    resolver.answer(answer);
    asker.world.wait(20ms);
    const auto got = asker.world.next_udp();
    ASSERT_TRUE(got);
    EXPECT_EQ(as_text(got->payload.subspan(13, 7)), "eXaMpLe");
}

} // namespace
} // namespace msb::net
