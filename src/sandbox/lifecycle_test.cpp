#include "base/time.hpp"
#include "sandbox/clock_keeper.hpp"
#include "sandbox/idle.hpp"

#include <cstdint>
#include <gtest/gtest.h>
#include <vector>

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

TEST(ClockKeeper, AnswersHeartbeatsOfAGuestThatIsOff) {
    const auto loop = EventLoop::create().value();
    std::vector<wire::ClockSync> told;
    const auto keeper = ClockKeeper::start(*loop, [&](const wire::ClockSync& sync) {
                            told.push_back(sync);
                        }).value();
    EXPECT_TRUE(told.empty());
    wire::Heartbeat heartbeat;
    const auto observe = [&](std::uint64_t guest_time) {
        ++heartbeat.heartbeat_seq;
        heartbeat.timestamp = guest_time;
        keeper->observe(heartbeat);
        return told.size();
    };
    const auto pause = [&] {
        const auto end = EventLoop::Clock::now() + ClockKeeper::least_pause;
        while (EventLoop::Clock::now() < end)
            ASSERT_TRUE(loop->run_once(50ms));
    };
    const auto right = [] { return static_cast<std::uint64_t>(unix_time_ns()); };
    EXPECT_EQ(observe(right()), 1U) << "the first heartbeat is answered in any case";
    EXPECT_EQ(told.back().heartbeat_seq, 1U);
    EXPECT_NEAR(static_cast<double>(told.back().unix_time_nanos),
                static_cast<double>(unix_time_ns()), 5e9);
    // Whatever a guest says, it does not get more answers than that.
    for (const std::uint64_t absurd : {std::uint64_t{0}, UINT64_MAX, std::uint64_t{1}})
        EXPECT_EQ(observe(absurd), 1U);
    pause();
    EXPECT_EQ(observe(right()), 1U) << "the guest was right";
    EXPECT_EQ(observe(0), 2U);
    EXPECT_EQ(told.back().heartbeat_seq, heartbeat.heartbeat_seq);
    pause();
    EXPECT_EQ(observe(UINT64_MAX), 3U);
}

} // namespace
} // namespace msb
