#include "device/vsock/vsock.hpp"
#include "virtio/testing/driver.hpp"

#include <cstring>
#include <deque>
#include <gtest/gtest.h>

namespace msb::device {
namespace {

using virtio::testing::Buffer;
using virtio::testing::DriverRing;
using virtio::testing::Ram;

constexpr std::uint64_t guest_cid = 3;
constexpr std::uint32_t buffer = VsockConnection::buffer_limit;

struct Packet {
    VsockHeader header;
    Bytes data;
};

/// A guest driver that says exactly what a test wants it to say.
struct VsockTest : public ::testing::Test {
    Ram ram{64 << 20};
    DriverRing rx{ram, 1024};
    DriverRing tx{ram, 1024};
    virtio::Queue rx_queue;
    virtio::Queue tx_queue;
    std::unique_ptr<EventLoop> loop = *EventLoop::create();
    Vsock vsock{*loop, guest_cid};
    std::deque<std::uint64_t> rx_buffers;
    std::size_t rx_size = 4096;

    std::shared_ptr<VsockConnection> accepted;
    std::vector<StreamEnd> closed;
    int readable = 0;
    int writable = 0;

    void SetUp() override {
        ASSERT_TRUE(rx_queue.start(ram.memory(), rx.config(), nullptr));
        ASSERT_TRUE(tx_queue.start(ram.memory(), tx.config(), nullptr));
        vsock.queue_started(0, rx_queue);
        vsock.queue_started(1, tx_queue);
        vsock.listen(1024, [this](std::shared_ptr<VsockConnection> connection) {
            accepted = std::move(connection);
            watch(*accepted);
        });
    }
    void watch(VsockConnection& connection) {
        connection.on_closed = [this](StreamEnd reason) { closed.push_back(reason); };
        connection.on_readable = [this] { ++readable; };
        connection.on_writable = [this] { ++writable; };
    }
    void offer(int count) {
        for (int i = 0; i < count; ++i) {
            rx_buffers.push_back(ram.allocate(rx_size));
            rx.add({{rx_buffers.back(), static_cast<std::uint32_t>(rx_size), true}});
        }
        vsock.queue_kicked(0);
    }
    void turn() { ASSERT_TRUE(loop->run_once(std::chrono::milliseconds(0))); }

    VsockHeader header(VsockOp op, std::uint32_t guest_port, std::uint32_t host_port = 1024) {
        return {.src_cid = guest_cid,
                .dst_cid = Vsock::host_cid,
                .src_port = guest_port,
                .dst_port = host_port,
                .op = op,
                .buffer_size = 1 << 20};
    }
    void say(VsockHeader packet, BytesView data = {}) {
        packet.length = static_cast<std::uint32_t>(data.size());
        say_raw(packet, data);
    }
    void say_raw(const VsockHeader& packet, BytesView data = {}) {
        std::vector<Buffer> buffers{{ram.store(packet.encode()), VsockHeader::size}};
        if (!data.empty())
            buffers.push_back({ram.store(data), static_cast<std::uint32_t>(data.size())});
        tx.add(buffers);
        vsock.queue_kicked(1);
        EXPECT_TRUE(tx.used()) << "a packet from the guest must be taken at once";
    }
    std::optional<Packet> hear() {
        const auto used = rx.used();
        if (!used)
            return std::nullopt;
        const Bytes bytes = ram.load(rx_buffers.front(), used->length);
        rx_buffers.pop_front();
        if (bytes.size() < VsockHeader::size)
            return Packet{};
        const auto first =
            std::span<const std::uint8_t, VsockHeader::size>(bytes.data(), VsockHeader::size);
        Packet packet{VsockHeader::decode(first),
                      Bytes(bytes.begin() + VsockHeader::size, bytes.end())};
        EXPECT_EQ(packet.header.length, packet.data.size());
        EXPECT_EQ(packet.header.dst_cid, guest_cid);
        return packet;
    }
    /// The operations the guest heard since the last call, e.g. "rst shutdown3".
    std::string heard() {
        std::string text;
        while (const auto packet = hear()) {
            static constexpr const char* names[] = {"invalid",  "request", "response", "rst",
                                                    "shutdown", "rw",      "credit",   "ask"};
            text += (text.empty() ? "" : " ") +
                    std::string(names[static_cast<std::size_t>(packet->header.op)]);
            if (packet->header.op == VsockOp::shutdown)
                text += std::to_string(packet->header.flags);
        }
        return text;
    }
    void establish(std::uint32_t guest_port = 5000) {
        offer(64);
        say(header(VsockOp::request, guest_port));
        ASSERT_TRUE(accepted);
        ASSERT_EQ(heard(), "response");
    }
};

TEST_F(VsockTest, GuestConnectsSendsAndCloses) {
    establish();
    EXPECT_TRUE(accepted->connected());
    EXPECT_EQ(accepted->guest_port(), 5000u);
    say(header(VsockOp::rw, 5000), as_bytes("hello"));
    EXPECT_EQ(readable, 1);
    EXPECT_EQ(as_text(accepted->readable()), "hello");
    EXPECT_EQ(accepted->write(as_bytes("answer")), 6u);
    const auto packet = hear();
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->header.op, VsockOp::rw);
    EXPECT_EQ(packet->header.src_cid, 2u);
    EXPECT_EQ(packet->header.src_port, 1024u);
    EXPECT_EQ(packet->header.buffer_size, buffer);
    EXPECT_EQ(as_text(packet->data), "answer");

    VsockHeader bye = header(VsockOp::shutdown, 5000);
    bye.flags = 3;
    say(bye);
    EXPECT_EQ(heard(), "rst");
    EXPECT_EQ(as_text(accepted->readable()), "hello") << "what was sent before is not lost";
    EXPECT_FALSE(accepted->at_end());
    turn();
    EXPECT_TRUE(closed.empty());
    accepted->consume(5);
    EXPECT_TRUE(accepted->at_end());
    turn();
    EXPECT_EQ(closed, std::vector{StreamEnd::finished});
    EXPECT_EQ(vsock.connection_count(), 0u);
    EXPECT_EQ(heard(), "");
}

TEST_F(VsockTest, RefusesWhatNobodyWants) { // §5.10.6.4.1
    offer(16);
    say(header(VsockOp::request, 5000, 999));
    auto packet = hear();
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->header.op, VsockOp::rst);
    EXPECT_EQ(packet->header.src_port, 999u);
    EXPECT_EQ(packet->header.dst_port, 5000u);
    say(header(VsockOp::rw, 5000), as_bytes("x"));
    EXPECT_EQ(heard(), "rst");
    say(header(VsockOp::rst, 5000));
    EXPECT_EQ(heard(), "") << "a reset is not answered";
    VsockHeader wrong = header(VsockOp::request, 5000);
    wrong.type = 2; // SOCK_SEQPACKET was not offered
    say(wrong);
    packet = hear();
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->header.op, VsockOp::rst);
    EXPECT_EQ(packet->header.type, 2);
    wrong = header(VsockOp::request, 5000);
    wrong.dst_cid = 77;
    say(wrong);
    packet = hear();
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->header.src_cid, 77u);
    EXPECT_EQ(packet->header.op, VsockOp::rst);
    EXPECT_FALSE(accepted);
}

TEST_F(VsockTest, DropsForgedAndCutPackets) {
    offer(16);
    VsockHeader forged = header(VsockOp::request, 5000);
    forged.src_cid = 4;
    say(forged);
    VsockHeader longer = header(VsockOp::request, 5000);
    longer.length = 100;
    say_raw(longer, as_bytes("short"));
    tx.add({{ram.allocate(20), 20}});
    tx.add({{ram.allocate(64), 64, true}});
    vsock.queue_kicked(1);
    EXPECT_TRUE(tx.used());
    EXPECT_TRUE(tx.used());
    EXPECT_EQ(heard(), "");
    EXPECT_FALSE(accepted);
}

TEST_F(VsockTest, HostConnects) {
    const auto connection = vsock.connect(1025);
    int connected = 0;
    connection->on_connected = [&] { ++connected; };
    watch(*connection);
    EXPECT_EQ(connection->write(as_bytes("early")), 5u);
    EXPECT_FALSE(connection->connected());
    offer(16); // the guest's driver comes up
    auto packet = hear();
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->header.op, VsockOp::request);
    EXPECT_EQ(packet->header.dst_port, 1025u);
    EXPECT_EQ(heard(), "");
    say(header(VsockOp::response, 1025, connection->local_port()));
    EXPECT_EQ(connected, 1);
    packet = hear();
    ASSERT_TRUE(packet);
    EXPECT_EQ(as_text(packet->data), "early");

    const auto other = vsock.connect(1025);
    EXPECT_NE(other->local_port(), connection->local_port());
    watch(*other);
    heard();
    say(header(VsockOp::rst, 1025, other->local_port()));
    EXPECT_EQ(closed, std::vector{StreamEnd::refused});
}

TEST_F(VsockTest, HalfCloseInBothDirections) {
    establish();
    VsockHeader end = header(VsockOp::shutdown, 5000);
    end.flags = 2;
    say(end);
    EXPECT_EQ(readable, 1);
    EXPECT_TRUE(accepted->at_end());
    EXPECT_EQ(accepted->write(as_bytes("still")), 5u);
    accepted->shutdown_write();
    EXPECT_EQ(accepted->write(as_bytes("no")), 0u);
    EXPECT_EQ(heard(), "rw shutdown2");
    EXPECT_TRUE(closed.empty());
    say(header(VsockOp::rst, 5000));
    turn();
    EXPECT_EQ(closed, std::vector{StreamEnd::finished});
}

TEST_F(VsockTest, CloseDeliversThenDisconnects) {
    establish();
    accepted->write(as_bytes("last words"));
    accepted->close();
    EXPECT_EQ(heard(), "rw shutdown3");
    say(header(VsockOp::rw, 5000), as_bytes("ignored"));
    EXPECT_EQ(readable, 0);
    say(header(VsockOp::rst, 5000));
    turn();
    EXPECT_TRUE(closed.empty()) << "no handler after close()";
    EXPECT_EQ(vsock.connection_count(), 0u);
    EXPECT_FALSE(accepted->on_closed) << "handlers are destroyed";
}

TEST_F(VsockTest, GuestOutOfCreditIsReset) {
    establish();
    const Bytes data(buffer / 2, 1);
    say(header(VsockOp::rw, 5000), data);
    say(header(VsockOp::rw, 5000), data);
    EXPECT_EQ(accepted->readable().size(), buffer);
    EXPECT_TRUE(closed.empty());
    say(header(VsockOp::rw, 5000), as_bytes("x"));
    EXPECT_EQ(closed, std::vector{StreamEnd::reset});
    EXPECT_EQ(heard(), "rst");
}

TEST_F(VsockTest, ConsumingGivesCredit) {
    establish();
    say(header(VsockOp::rw, 5000), Bytes(buffer, 1));
    accepted->consume(buffer / 4 - 1);
    EXPECT_EQ(heard(), "");
    accepted->consume(1);
    const auto packet = hear();
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->header.op, VsockOp::credit_update);
    EXPECT_EQ(packet->header.forwarded, buffer / 4);
    say(header(VsockOp::rw, 5000), Bytes(buffer / 4, 2));
    EXPECT_TRUE(closed.empty());
    say(header(VsockOp::credit_request, 5000));
    EXPECT_EQ(heard(), "credit");
}

TEST_F(VsockTest, SendsOnlyWithCreditAndAsksOnce) {
    offer(64);
    VsockHeader request = header(VsockOp::request, 5000);
    request.buffer_size = 10;
    say(request);
    ASSERT_EQ(heard(), "response");
    EXPECT_EQ(accepted->write(as_bytes("0123456789abcdef")), 16u);
    auto packet = hear();
    ASSERT_TRUE(packet);
    EXPECT_EQ(as_text(packet->data), "0123456789");
    EXPECT_EQ(heard(), "ask");
    VsockHeader update = header(VsockOp::credit_update, 5000);
    update.buffer_size = 10;
    say(update);
    EXPECT_EQ(heard(), "");
    update.forwarded = 4;
    say(update);
    packet = hear();
    ASSERT_TRUE(packet);
    EXPECT_EQ(as_text(packet->data), "abcd");
    update.forwarded = 9999; // more than was ever sent
    say(update);
    EXPECT_EQ(heard(), "ask") << "the one for 'ef'; a lie brings no credit";
}

TEST_F(VsockTest, WriteIsBoundedAndWritableFollows) {
    offer(1);
    say(header(VsockOp::request, 5000));
    ASSERT_EQ(heard(), "response");
    const Bytes data(std::size_t{2} * buffer, 7);
    EXPECT_EQ(accepted->write(data), buffer);
    EXPECT_EQ(accepted->write(data), 0u);
    EXPECT_EQ(accepted->unsent(), buffer);
    offer(10);
    EXPECT_EQ(writable, 0);
    offer(60);
    turn();
    EXPECT_EQ(writable, 1);
}

TEST_F(VsockTest, WritableIsNotToldFromInsideWrite) {
    establish();
    offer(200); // takes the whole first write at once, so that there is room again
    const Bytes data(buffer + 1, 7);
    EXPECT_EQ(accepted->write(data), buffer);
    EXPECT_EQ(writable, 0) << "the writer has not yet taken away what was accepted";
    turn();
    EXPECT_EQ(writable, 1);
}

TEST_F(VsockTest, ConnectionsTakeTurnsWhenBuffersAreShort) {
    offer(2);
    std::vector<std::shared_ptr<VsockConnection>> both;
    vsock.listen(1024, [&](std::shared_ptr<VsockConnection> c) { both.push_back(std::move(c)); });
    say(header(VsockOp::request, 5000));
    say(header(VsockOp::request, 5001));
    EXPECT_EQ(heard(), "response response");
    both[0]->write(Bytes(100'000, 1));
    both[1]->write(Bytes(10, 2));
    offer(2);
    EXPECT_EQ(hear()->header.dst_port, 5000u);
    EXPECT_EQ(hear()->header.dst_port, 5001u) << "the small one does not wait for the large one";
}

TEST_F(VsockTest, UnreadConnectionDelaysNoOther) {
    establish(5000);
    const auto stuck = accepted;
    say(header(VsockOp::rw, 5000), Bytes(buffer, 1));
    say(header(VsockOp::request, 5001));
    ASSERT_NE(accepted, stuck);
    say(header(VsockOp::rw, 5001), as_bytes("through"));
    EXPECT_EQ(as_text(accepted->readable()), "through");
}

TEST_F(VsockTest, ConnectionsAreBounded) {
    offer(1000);
    std::size_t count = 0;
    vsock.listen(1024, [&](const std::shared_ptr<VsockConnection>&) { ++count; });
    for (std::uint32_t port = 0; port < Vsock::max_connections - 100; ++port)
        say(header(VsockOp::request, 5000 + port));
    while (vsock.connect(1025))
        ++count;
    EXPECT_EQ(count, Vsock::max_connections);
    EXPECT_EQ(vsock.connection_count(), Vsock::max_connections);
    heard();
    say(header(VsockOp::request, 4999));
    EXPECT_EQ(vsock.connection_count(), Vsock::max_connections);
}

TEST_F(VsockTest, RefusalsAreBoundedWithoutBuffers) {
    for (std::uint32_t port = 0; port < 1000; ++port)
        say(header(VsockOp::request, port, 999));
    offer(500);
    std::size_t count = 0;
    while (hear())
        ++count;
    EXPECT_EQ(count, 256u);
}

TEST_F(VsockTest, UselessBuffersAreHandedBack) {
    rx_size = 44;
    offer(2);
    say(header(VsockOp::request, 5000));
    EXPECT_EQ(heard(), "response");
    accepted->write(as_bytes("data"));
    auto packet = hear();
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->header.op, VsockOp::invalid);
    rx_size = 4096;
    offer(1);
    EXPECT_EQ(heard(), "rw");
}

TEST_F(VsockTest, ProtocolBreaksResetTheConnection) {
    const std::vector<VsockHeader> breaks = {
        header(VsockOp::request, 5000), header(VsockOp::response, 5000),
        header(VsockOp::invalid, 5000), header(static_cast<VsockOp>(99), 5000)};
    for (const VsockHeader& wrong : breaks) {
        closed.clear();
        establish();
        say(wrong);
        EXPECT_EQ(closed, std::vector{StreamEnd::reset});
        EXPECT_EQ(heard(), "rst");
        turn();
    }
}

TEST_F(VsockTest, LostDeviceEndsEverything) {
    establish();
    const auto outgoing = vsock.connect(1025);
    watch(*outgoing);
    vsock.queue_stopped(0);
    vsock.queue_stopped(1);
    vsock.reset();
    EXPECT_EQ(closed.size(), 2u);
    EXPECT_EQ(accepted->write(as_bytes("x")), 0u);
    accepted->consume(1);
    accepted->close();
    EXPECT_EQ(vsock.connection_count(), 0u);
}

TEST_F(VsockTest, HandlersMayDoAnything) {
    offer(64);
    std::shared_ptr<VsockConnection> second;
    vsock.listen(1024, [&](const std::shared_ptr<VsockConnection>& connection) {
        VsockConnection* const raw = connection.get();
        connection->on_readable = [&, raw] {
            second = vsock.connect(1);
            raw->write(raw->readable());
            raw->consume(raw->readable().size());
            raw->close();
        };
    });
    say(header(VsockOp::request, 5000));
    say(header(VsockOp::rw, 5000), as_bytes("x"));
    EXPECT_EQ(heard(), "response request rw shutdown3");
    second->reset();
    EXPECT_EQ(heard(), "rst");
    turn();
    EXPECT_EQ(vsock.connection_count(), 1u);
}

} // namespace
} // namespace msb::device
