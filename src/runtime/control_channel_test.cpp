#include "device/vsock/testing/fake_stream.hpp"
#include "runtime/control_channel.hpp"

#include <gtest/gtest.h>

namespace msb {
namespace {

using device::testing::FakeStream;

struct ControlChannelTest : ::testing::Test {
    std::vector<std::string> seen;
    std::shared_ptr<FakeStream> guest = std::make_shared<FakeStream>();
    ControlChannel channel{
        guest,
        wire::Bootstrap{},
        {[this](const wire::InitResolved& user) {
             seen.push_back("resolved " + std::to_string(user.uid));
         },
         [this](BytesView frame, const wire::Ready& ready) {
             seen.push_back("ready " + ready.agent_version);
             EXPECT_EQ(Bytes(frame.begin(), frame.end()), wire::encode_message(0, ready));
         },
         [this](const wire::BootFailed& failed) { seen.push_back("failed " + failed.stage); },
         [this](const wire::Heartbeat&) { seen.emplace_back("heartbeat"); },
         [this] { seen.emplace_back("drained"); },
         [this](std::string_view) { seen.emplace_back("lost"); }}};

    template <typename M> void say(const M& message) {
        guest->send(wire::encode_message(0, message));
    }
    std::vector<std::string> heard() { return std::exchange(seen, {}); }
};

TEST_F(ControlChannelTest, AGuestBootsAndIsHeard) {
    EXPECT_EQ(guest->take(), wire::encode_message(0, wire::Bootstrap{}));
    say(wire::InitResolved{5, 6});
    EXPECT_EQ(guest->take(), wire::encode_message(0, wire::InitAck{}));
    say(wire::InitResolved{7, 7});
    EXPECT_TRUE(guest->take().empty()) << "once";
    say(wire::Ready{.agent_version = "1"});
    say(wire::Heartbeat{});
    say(wire::Drained{});
    say(wire::Touch{}); // known, and not for here
    EXPECT_EQ(heard(), (std::vector<std::string>{"resolved 5", "ready 1", "heartbeat", "drained"}));
    guest->finish(device::StreamEnd::finished);
    EXPECT_EQ(heard(), std::vector<std::string>{"lost"});
}

TEST_F(ControlChannelTest, FramesMayComeInAnyPieces) {
    Bytes data = wire::encode_message(0, wire::Heartbeat{});
    wire::append_message(data, 0, wire::BootFailed{.stage = "root"});
    for (const std::uint8_t byte : data)
        guest->send({&byte, 1});
    EXPECT_EQ(heard(), (std::vector<std::string>{"heartbeat", "failed root"}));
}

TEST_F(ControlChannelTest, APingIsAnsweredBehindEverythingBeforeIt) {
    (void)guest->take();
    Bytes data = wire::encode_message(0, wire::Heartbeat{});
    wire::append_message(data, 0, wire::Ping{});
    guest->send(data);
    EXPECT_EQ(heard(), std::vector<std::string>{"heartbeat"});
    EXPECT_EQ(guest->take(), wire::encode_message(0, wire::Pong{}));
}

TEST_F(ControlChannelTest, AGuestThatOnlyAsksIsGivenUpOnce) {
    const Bytes ping = wire::encode_message(0, wire::Ping{});
    Bytes pings;
    for (int i = 0; i < 1000; ++i)
        pings.insert(pings.end(), ping.begin(), ping.end());
    for (int i = 0; i < 1000 && seen.empty(); ++i)
        guest->send(pings);
    guest->send(Bytes(64, 0));
    EXPECT_EQ(heard(), std::vector<std::string>{"lost"});
}

TEST_F(ControlChannelTest, NonsenseEndsItOnce) {
    guest->send(Bytes(64, 0));
    guest->send(Bytes(64, 0));
    EXPECT_EQ(heard(), std::vector<std::string>{"lost"});
    EXPECT_TRUE(guest->was_reset);
}

TEST_F(ControlChannelTest, AGuestThatDoesNotReadIsGivenUp) {
    for (int i = 0; i < 400'000 && seen.empty(); ++i)
        channel.send(wire::ClockSync{1, 2});
    EXPECT_EQ(heard(), std::vector<std::string>{"lost"});
    EXPECT_TRUE(guest->was_reset);
    channel.send(wire::Drain{}); // goes nowhere
}

} // namespace
} // namespace msb
