// A guest's TCP, byte for byte, for tests.
#pragma once

#include "base/system.hpp"
#include "net/testing/hello.hpp"
#include "net/testing/world.hpp"

#include <array>
#include <gtest/gtest.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace msb::net {

/// One connection of a guest, seen from the guest.
class TcpTest : public ::testing::Test {
  protected:
    static constexpr std::uint32_t first = 1000; ///< the guest's initial sequence number

    explicit TcpTest(std::size_t max_connections = 256) : world(max_connections) {}

    TcpSegment segment(std::uint8_t flags, std::uint32_t sequence, std::string_view payload = {}) {
        return {.source = guest,
                .destination = server,
                .sequence = sequence,
                .acknowledgement = (flags & tcp_flag::ack) != 0 ? expected : 0,
                .window = window,
                .flags = flags,
                .payload = as_bytes(payload)};
    }
    void open() {
        auto request = segment(tcp_flag::syn, first);
        request.mss = 1460;
        request.selective_permitted = selective;
        world.send(request);
        EXPECT_TRUE(world.link.frames.empty()); // not before the host's connect is through
        world.settle();
        const auto answer = world.next_tcp();
        ASSERT_TRUE(answer);
        ASSERT_EQ(answer->flags, tcp_flag::syn | tcp_flag::ack);
        EXPECT_EQ(answer->acknowledgement, first + 1);
        EXPECT_EQ(answer->mss, 1460);
        expected = answer->sequence + 1;
        agreed = answer->selective_permitted;
        world.send(segment(tcp_flag::ack, first + 1));
        EXPECT_TRUE(world.link.frames.empty());
        peer = std::move(world.dialer.peers.front());
        world.dialer.peers.pop_front();
        world.settle();
    }
    /// A connection from a peer of a published port.
    void accept(OwnedFd socket, const std::vector<GuestPort>& places) {
        world.stack->tcp().accept(std::move(socket), places, 5555);
    }
    std::string received() {
        std::array<char, 100'000> data;
        const ssize_t count = ::recv(peer.get(), data.data(), data.size(), MSG_DONTWAIT);
        return count < 0 ? "nothing" : std::string(data.data(), static_cast<std::size_t>(count));
    }
    static std::pair<OwnedFd, OwnedFd> sys_pair() {
        auto pair = *sys::socket_pair(SOCK_STREAM | SOCK_NONBLOCK);
        return {std::move(pair[0]), std::move(pair[1])};
    }
    void say(std::string_view text) {
        ASSERT_EQ(::send(peer.get(), text.data(), text.size(), 0),
                  static_cast<ssize_t>(text.size()));
        world.settle();
    }
    void expect(std::uint8_t flags, std::uint32_t acknowledgement, std::string_view payload = {}) {
        const auto got = world.next_tcp();
        ASSERT_TRUE(got);
        EXPECT_EQ(got->flags & ~tcp_flag::psh, flags);
        EXPECT_EQ(got->sequence, expected);
        EXPECT_EQ(got->acknowledgement, acknowledgement);
        EXPECT_EQ(as_text(got->payload), payload);
        expected += got->length();
    }

    testing::World world;
    Endpoint guest{world.v4.guest, 40000};
    Endpoint server{IpAddress(Ipv4Bytes{93, 184, 215, 14}), 80};
    std::uint32_t expected = 0; ///< next sequence number of the stack's
    std::uint16_t window = 60000;
    bool selective = false, agreed = false; ///< acknowledgement: offered, answered
    OwnedFd peer;
};

} // namespace msb::net
