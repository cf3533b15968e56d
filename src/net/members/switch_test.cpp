#include "base/system.hpp"
#include "net/members/membership.hpp"
#include "net/members/switch.hpp"

#include <array>
#include <cstdlib>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <vector>

namespace msb::net {
namespace {

using namespace std::chrono_literals;

const Prefix subnet{IpAddress(Ipv4Bytes{10, 213, 7, 0}), 24};
IpAddress number(std::uint8_t last) {
    return IpAddress(Ipv4Bytes{10, 213, 7, last});
}

struct Arrived {
    Flow flow;
    OwnedFd socket;
};

class Network {
  public:
    Network() : loop(*EventLoop::create()), middle(*loop, listening("switch")) {
        EXPECT_TRUE(middle.start());
    }
    ~Network() {
        for (const char* name : {"switch", "a", "b", "c"})
            (void)sys::unlink(directory + "/" + name);
        ::rmdir(directory.c_str());
    }

    OwnedFd listening(const std::string& name) {
        return *sys::unix_listen(directory + "/" + name, 4);
    }
    /// A netd's side; what arrives goes to `arrived`.
    std::unique_ptr<Membership> member(const std::string& name, std::uint8_t last) {
        auto made = std::make_unique<Membership>(
            *loop, MembershipPlan{.network = "back", .subnet = subnet, .address = number(last)},
            listening(name));
        EXPECT_TRUE(made->start());
        made->arrived = [this](const Flow& flow, OwnedFd socket) {
            arrived.push_back({flow, std::move(socket)});
        };
        join(name, last);
        return made;
    }
    void join(const std::string& name, std::uint8_t last) {
        auto sides = *sys::socket_pair(SOCK_SEQPACKET | SOCK_NONBLOCK);
        EXPECT_TRUE(middle.join(number(last), name, std::move(sides[0])));
        const OwnedFd door = *sys::unix_connect(directory + "/" + name, 1s);
        EXPECT_TRUE(send_packet(door.get(), as_bytes("back"), std::array{sides[1].get()}));
        settle();
    }
    /// A member that says what it likes.
    OwnedFd intruder(const std::string& name, std::uint8_t last) {
        auto sides = *sys::socket_pair(SOCK_SEQPACKET | SOCK_NONBLOCK);
        EXPECT_TRUE(middle.join(number(last), name, std::move(sides[0])));
        settle();
        return std::move(sides[1]);
    }
    void settle() {
        for (int i = 0; i < 20; ++i)
            (void)loop->run_once(0ms);
    }

    std::string directory = [] {
        std::string path = "/tmp/msb-switch-test.XXXXXX";
        return std::string(::mkdtemp(path.data()));
    }();
    std::unique_ptr<EventLoop> loop;
    MemberSwitch middle;
    std::vector<Arrived> arrived;
};

Flow flow_to(const IpAddress& address, Protocol protocol = Protocol::tcp) {
    return {.protocol = protocol,
            .source = {IpAddress(Ipv4Bytes{172, 16, 0, 2}), 4000},
            .destination = {address, 80}};
}

TEST(Members, FlowsArriveFromTheirOwnAddresses) {
    Network network;
    const auto a = network.member("a", 1), b = network.member("b", 2);
    for (const Protocol protocol : {Protocol::tcp, Protocol::udp})
        for (const bool v6 : {false, true}) {
            const auto in_family = [&](std::uint8_t last) {
                return v6 ? member_v6(number(last)) : number(last);
            };
            auto dialled = a->open(flow_to(in_family(2), protocol));
            ASSERT_TRUE(dialled);
            EXPECT_EQ(dialled->handshake != nullptr, protocol == Protocol::tcp);
            network.settle();
            ASSERT_EQ(network.arrived.size(), 1U);
            const auto [flow, socket] = std::move(network.arrived.front());
            network.arrived.clear();
            EXPECT_EQ(flow.direction, Direction::in);
            EXPECT_EQ(flow.protocol, protocol);
            EXPECT_EQ(flow.source, (Endpoint{in_family(1), 4000}));
            EXPECT_EQ(flow.destination, (Endpoint{in_family(2), 80}));
            EXPECT_EQ(flow.names, std::vector<std::string>{"a.back.microsandbox.internal"});
            ::send(socket.get(), "x", 1, 0);
            char byte = 0;
            EXPECT_EQ(::recv(dialled->socket.get(), &byte, 1, MSG_DONTWAIT), 1);
        }
    EXPECT_FALSE(a->open(flow_to(number(3))));
    EXPECT_FALSE(a->open(flow_to(member_v6(number(3)))));
}

TEST(Members, AreFoundByName) {
    Network network;
    const auto a = network.member("a", 1);
    EXPECT_FALSE(a->look_up("b"));
    const auto b = network.member("b", 2);
    for (const char* name : {"b", "b.back.microsandbox.internal"}) {
        const auto found = a->look_up(name);
        ASSERT_TRUE(found) << name;
        EXPECT_EQ(found->address, number(2)) << name;
    }
    const auto nobody = a->look_up("c.back.microsandbox.internal");
    ASSERT_TRUE(nobody);
    EXPECT_FALSE(nobody->exists);
    for (const char* other : {"c", "example.org", "b.example.org", "xback.microsandbox.internal",
                              "b.front.microsandbox.internal"})
        EXPECT_FALSE(a->look_up(other)) << other;
}

TEST(Members, ThoseWhoComeAgainTakeTheirOwnPlace) {
    Network network;
    const auto a = network.member("a", 1);
    auto b = network.member("b", 2);
    b.reset();
    network.settle();
    EXPECT_EQ(network.middle.count(), 1U);
    EXPECT_FALSE(a->is_there(number(2)));
    (void)sys::unlink(network.directory + "/b");
    b = network.member("b", 2);
    EXPECT_TRUE(a->is_there(number(2)));
    network.join("b", 2); // a channel in the place of one that is there
    EXPECT_EQ(network.middle.count(), 2U);
    EXPECT_TRUE(b->open(flow_to(number(1))));
}

TEST(Members, WhatIsNotUnderstoodEndsTheMembership) {
    const auto sockets = *sys::socket_pair(SOCK_STREAM);
    const Bytes table = encode(MemberTable{.members = {{number(1), "a"}}});
    const Bytes flow = encode(MemberFlow{
        .protocol = Protocol::tcp, .other = number(1), .source_port = 1, .destination_port = 2});
    const std::array one{sockets[0].get()};
    for (const auto& [message, descriptors] : std::vector<std::pair<Bytes, std::span<const int>>>{
             {Bytes{9}, one}, {table, one}, {flow, {}}, {Bytes(flow.size(), 0), one}}) {
        Network network;
        const auto a = network.member("a", 1);
        const OwnedFd intruder = network.intruder("c", 3);
        EXPECT_EQ(network.middle.count(), 2U);
        EXPECT_TRUE(send_packet(intruder.get(), message, descriptors));
        network.settle();
        EXPECT_EQ(network.middle.count(), 1U);
        EXPECT_TRUE(network.arrived.empty());
        EXPECT_FALSE(a->is_there(number(3)));
    }
}

/// What another netd sends along may be anything.
TEST(Members, OnlySocketPairsAreTaken) {
    Network network;
    const auto a = network.member("a", 1);
    const OwnedFd intruder = network.intruder("c", 3);
    const Bytes flow = encode(MemberFlow{
        .protocol = Protocol::tcp, .other = number(1), .source_port = 1, .destination_port = 2});
    const auto datagrams = *sys::socket_pair(SOCK_DGRAM);
    const OwnedFd listener = network.listening("b");
    const OwnedFd internet(::socket(AF_INET, SOCK_STREAM, 0));
    for (const int wrong : {STDIN_FILENO, datagrams[0].get(), listener.get(), internet.get()})
        EXPECT_TRUE(send_packet(intruder.get(), flow, std::array{wrong}));
    network.settle();
    EXPECT_TRUE(network.arrived.empty());
    const auto right = *sys::socket_pair(SOCK_STREAM);
    EXPECT_TRUE(send_packet(intruder.get(), flow, std::array{right[0].get()}));
    network.settle();
    ASSERT_EQ(network.arrived.size(), 1U);
    EXPECT_EQ(network.arrived.front().flow.source.address, number(3));
}

TEST(Members, MessagesAreTheSameAgain) {
    const MemberFlow flow{.protocol = Protocol::udp,
                          .v6 = true,
                          .other = number(9),
                          .source_port = 1,
                          .destination_port = 65535};
    const MemberTable table{.members = {{number(1), "a"}, {number(2), "b.c"}}};
    for (const MemberMessage& message : {MemberMessage(flow), MemberMessage(table)}) {
        const Bytes bytes = encode(message);
        const auto again = decode_member_message(bytes);
        ASSERT_TRUE(again);
        EXPECT_EQ(*again, message);
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            const auto part = decode_member_message(BytesView(bytes).first(size));
            EXPECT_FALSE(part && *part == message) << size;
        }
    }
    for (const char* name : {"", "A", "a b", "a\x7f"})
        EXPECT_FALSE(is_member_name(name)) << name;
}

} // namespace
} // namespace msb::net
