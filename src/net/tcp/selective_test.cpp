#include "net/tcp/selective.hpp"
#include "net/tcp/tcp_fixture.hpp"

namespace msb::net {
namespace {

using namespace std::chrono_literals;
using namespace tcp_flag;

std::string taken(EarlyData& early, std::uint32_t next) {
    const auto data = early.take(next);
    return data ? std::string(as_text(*data)) : "-";
}

TEST(EarlyData, KeepsWhatCameFirst) {
    EarlyData early;
    early.add(20, as_bytes("uvw"));
    early.add(10, as_bytes("klm"));
    early.add(8, as_bytes("IJKLMNO")); // 10 to 12 are known
    EXPECT_EQ(early.size(), 10U);
    EXPECT_EQ(taken(early, 7), "-");
    EXPECT_EQ(taken(early, 9), "J"); // what is before it came otherwise
    EXPECT_EQ(taken(early, 10), "klm");
    EXPECT_EQ(taken(early, 13), "NO");
    EXPECT_EQ(taken(early, 15), "-");
    EXPECT_EQ(taken(early, 30), "-"); // it came again
    EXPECT_TRUE(early.empty());
    early.add(0xffff'fffe, as_bytes("wrap"));
    EXPECT_EQ(taken(early, 0xffff'ffff), "rap");
    for (std::uint32_t i = 0; i < 200; ++i)
        early.add(2 * i, as_bytes("x"));
    EXPECT_EQ(early.size(), EarlyData::most_pieces);
}

TEST(EarlyData, TellsTheLatestFirst) {
    EarlyData early;
    TcpSegment segment;
    early.describe(segment);
    EXPECT_EQ(segment.selective_count, 0U);
    early.add(10, as_bytes("abc"));
    early.add(30, as_bytes("def"));
    early.add(13, as_bytes("xy"));
    early.describe(segment);
    ASSERT_EQ(segment.selective_count, 2U);
    EXPECT_EQ(segment.selective[0], (SequenceRange{10, 15}));
    EXPECT_EQ(segment.selective[1], (SequenceRange{30, 33}));
}

TEST(Scoreboard, KnowsTheGaps) {
    Scoreboard board;
    const auto add = [&](std::uint32_t begin, std::uint32_t end) {
        board.add(std::array{SequenceRange{begin, end}}, 100, 1000);
    };
    EXPECT_FALSE(board.gap(100));
    add(200, 300);
    add(400, 500);
    EXPECT_EQ(board.gap(100), (SequenceRange{100, 200}));
    EXPECT_EQ(board.gap(250), (SequenceRange{300, 400}));
    EXPECT_FALSE(board.gap(400));
    add(250, 450);
    EXPECT_EQ(board.gap(100), (SequenceRange{100, 200}));
    EXPECT_FALSE(board.gap(200));
    for (const auto& [begin, end] :
         {std::pair(50U, 70U), {100U, 150U}, {900U, 1001U}, {600U, 600U}, {700U, 650U}})
        add(begin, end); // old, not beyond a gap, never sent, nothing
    EXPECT_FALSE(board.gap(200));
    board.acknowledged(500);
    EXPECT_TRUE(board.empty());
    for (std::uint32_t i = 0; i < 400; ++i)
        add(101 + 2 * i, 102 + 2 * i);
    EXPECT_TRUE(board.gap(101 + 2 * (Scoreboard::most_ranges - 2)));
    EXPECT_FALSE(board.gap(101 + 2 * Scoreboard::most_ranges));
}

class SelectiveTest : public TcpTest {
  protected:
    SelectiveTest() { selective = true; }
    /// Of all up to `number`, and of what is behind gaps.
    void acknowledge(std::uint32_t number, std::initializer_list<SequenceRange> ranges) {
        auto segment = this->segment(ack, first + 1);
        segment.acknowledgement = number;
        std::ranges::copy(ranges, segment.selective.begin());
        segment.selective_count = ranges.size();
        world.send(segment);
    }
};

TEST_F(TcpTest, SelectiveAcknowledgementIsAgreedOn) {
    open();
    EXPECT_FALSE(agreed);
    world.send(segment(ack, first + 4, "defg"));
    const auto answer = world.next_tcp();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->selective_count, 0U);
    world.send(segment(ack, first + 1, "abc"));
    EXPECT_EQ(received(), "abc");
}

TEST_F(SelectiveTest, WhatComesEarlyIsKept) {
    open();
    EXPECT_TRUE(agreed);
    world.send(segment(ack, first + 4, "def"));
    world.send(segment(ack, first + 10, "jkl"));
    EXPECT_EQ(received(), "nothing");
    (void)world.next_tcp();
    auto answer = world.next_tcp();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->acknowledgement, first + 1);
    ASSERT_EQ(answer->selective_count, 2U);
    EXPECT_EQ(answer->selective[0], (SequenceRange{first + 10, first + 13}));
    EXPECT_EQ(answer->selective[1], (SequenceRange{first + 4, first + 7}));
    world.send(segment(ack, first + 1, "abc"));
    EXPECT_EQ(received(), "abcdef");
    world.send(segment(ack | fin, first + 7, "ghijkl"));
    EXPECT_EQ(received(), "ghijkl");
    EXPECT_EQ(received(), "");
    (void)world.next_tcp();
    answer = world.next_tcp();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->acknowledgement, first + 14);
    EXPECT_EQ(answer->selective_count, 0U);
}

TEST_F(SelectiveTest, AGapAloneIsSentAgainAndOnce) {
    open();
    say(std::string(1460, 'a') + std::string(1460, 'b') + std::string(1460, 'c') +
        std::string(1460, 'd'));
    world.link.frames.clear();
    const std::uint32_t begin = expected;
    acknowledge(begin, {{begin + 1460, begin + 2920}});
    expect(ack, first + 1, std::string(1460, 'a'));
    acknowledge(begin, {{begin + 1460, begin + 2920}});
    EXPECT_TRUE(world.link.frames.empty());
    acknowledge(begin, {{begin + 4380, begin + 5840}, {begin + 1460, begin + 2920}});
    expected = begin + 2920;
    expect(ack, first + 1, std::string(1460, 'c'));
    EXPECT_TRUE(world.link.frames.empty());
    // What was sent again is lost, too: then the timer counts.
    world.wait(450ms);
    const auto again = world.next_tcp();
    ASSERT_TRUE(again);
    EXPECT_EQ(again->sequence, begin);
    acknowledge(begin + 5840, {});
    world.link.frames.clear();
    world.wait(450ms);
    EXPECT_TRUE(world.link.frames.empty());
}

} // namespace
} // namespace msb::net
