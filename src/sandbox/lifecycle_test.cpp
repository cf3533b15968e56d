#include "base/time.hpp"
#include "sandbox/clock_keeper.hpp"
#include "sandbox/idle.hpp"

#include <cstdint>
#include <gtest/gtest.h>

namespace msb {
namespace {

using namespace std::chrono_literals;

const IdleWatch::Clock::time_point start{std::chrono::hours(1)};

wire::Heartbeat beat(std::uint64_t activity, std::uint32_t sessions = 0) {
    wire::Heartbeat heartbeat;
    heartbeat.activity_seq = activity;
    heartbeat.active_exec_sessions = sessions;
    return heartbeat;
}

TEST(IdleWatch, IdleForTheLimitByTheHostsClock) {
    IdleWatch watch(2s);
    watch.start(start);
    EXPECT_FALSE(watch.observe(beat(0), start + 1999ms));
    EXPECT_TRUE(watch.observe(beat(0), start + 2s));
}

TEST(IdleWatch, ASilentCommandIsActivityAndSoIsEveryCount) {
    IdleWatch watch(2s);
    watch.start(start);
    EXPECT_FALSE(watch.observe(beat(7), start + 5s));
    EXPECT_FALSE(watch.observe(beat(7, 1), start + 60s));
    EXPECT_FALSE(watch.observe(beat(7), start + 61s));
    EXPECT_TRUE(watch.observe(beat(7), start + 62s));
}

TEST(IdleWatch, AbsurdNumbersAreOnlyCompared) {
    IdleWatch watch(2s);
    watch.start(start);
    EXPECT_FALSE(watch.observe(beat(UINT64_MAX, UINT32_MAX), start + 10s));
    EXPECT_FALSE(watch.observe(beat(0), start + 20s)); // backwards: it changed
    wire::Heartbeat heartbeat = beat(0);
    heartbeat.timestamp = UINT64_MAX;
    heartbeat.last_activity = UINT64_MAX;
    heartbeat.heartbeat_seq = 0;
    EXPECT_TRUE(watch.observe(heartbeat, start + 22s));
}

TEST(IdleWatch, WithoutALimitNeverIdle) {
    IdleWatch watch(0s);
    watch.start(start);
    EXPECT_FALSE(watch.observe(beat(0), start + 1000h));
}

TEST(ClockKeeper, TellsAtOnceAndThenOnlyWhenTheGuestIsOff) {
    const auto loop = EventLoop::create().value();
    int told = 0;
    std::uint64_t last = 0;
    const auto keeper = ClockKeeper::start(*loop, [&](const wire::ClockSync& sync) {
                            ++told;
                            last = sync.unix_time_nanos;
                        }).value();
    EXPECT_EQ(told, 1);
    EXPECT_NEAR(static_cast<double>(last), static_cast<double>(unix_time_ns()), 5e9);
    // Whatever a guest says, it gets no more than one answer a second.
    for (const std::uint64_t absurd : {std::uint64_t{0}, UINT64_MAX, std::uint64_t{1}})
        keeper->observe(absurd);
    EXPECT_EQ(told, 1);
    for (const auto end = EventLoop::Clock::now() + 1100ms; EventLoop::Clock::now() < end;)
        ASSERT_TRUE(loop->run_once(50ms));
    keeper->observe(static_cast<std::uint64_t>(unix_time_ns()));
    EXPECT_EQ(told, 1) << "the guest was right";
    keeper->observe(0);
    EXPECT_EQ(told, 2);
    keeper->observe(UINT64_MAX);
    EXPECT_EQ(told, 2);
}

} // namespace
} // namespace msb
