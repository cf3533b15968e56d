#include "base/time.hpp"
#include "logs/kernel_log.hpp"
#include "runtime/clock_keeper.hpp"
#include "runtime/heartbeat_watch.hpp"
#include "runtime/idle.hpp"

#include <cstdint>
#include <gtest/gtest.h>
#include <optional>
#include <string>
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

TEST(IdleWatch, UseThatTheGuestDoesNotCountIsActivity) {
    IdleWatch watch(2s);
    watch.start(start);
    watch.used(start + 1s);
    EXPECT_FALSE(watch.observe(beat(0), start + 2s));
    EXPECT_TRUE(watch.observe(beat(0), start + 3s));
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

/// Looks once a period at a machine that uses `work` of it, until the agent is given up; the time.
std::optional<std::chrono::seconds> given_up_after(HeartbeatWatch& watch, std::chrono::seconds most,
                                                   std::chrono::milliseconds work, bool asleep,
                                                   std::chrono::seconds step = 1s) {
    auto now = start;
    engine::Activity machine{1h, asleep};
    for (auto passed = 0s; passed < most; passed += step) {
        if (watch.is_late() && watch.look(now, machine))
            return passed;
        now += step;
        machine.cpu_time += work;
    }
    return std::nullopt;
}

TEST(HeartbeatWatch, AGuestThatSpinsIsGivenUpByItsCpuTime) {
    HeartbeatWatch watch;
    EXPECT_EQ(given_up_after(watch, 1h, 1000ms, false), 33s);
    watch.beat();
    EXPECT_EQ(given_up_after(watch, 1h, 100ms, false), 303s) << "on a host that is overloaded";
}

TEST(HeartbeatWatch, OneThatSleepsIsGivenUpLater) {
    HeartbeatWatch watch;
    EXPECT_EQ(given_up_after(watch, 1h, 0ms, true), 123s);
}

TEST(HeartbeatWatch, OneThatIsStoppedOrStarvedIsWaitedFor) {
    HeartbeatWatch watch;
    EXPECT_EQ(given_up_after(watch, 24h, 0ms, false), std::nullopt);
}

TEST(HeartbeatWatch, TimeInWhichNobodyLookedHardlyCounts) {
    HeartbeatWatch watch;
    EXPECT_EQ(given_up_after(watch, 24h, 1h, true, 1h), 18h) << "2 s of each hour, from the fifth";
}

TEST(HeartbeatWatch, AHeartbeatBeginsAnew) {
    HeartbeatWatch watch;
    EXPECT_EQ(given_up_after(watch, 33s, 1000ms, false), std::nullopt);
    watch.beat();
    EXPECT_EQ(given_up_after(watch, 33s, 1000ms, false), std::nullopt);
}

TEST(HeartbeatWatch, WhereTheHostShowsNothingTheClockHasToDo) {
    HeartbeatWatch watch;
    auto now = start;
    for (; now < start + 600s; now += 1s)
        ASSERT_FALSE(watch.look(now, std::nullopt));
    EXPECT_EQ(watch.look(now, std::nullopt), "the agent sent nothing in 600 s");
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

TEST(Console, OfAPanicTheReasonIsShownAndNotTheStack) {
    std::string console = "early\none\ntwo\nVFS: Unable to mount root fs\n"
                          "Kernel panic - not syncing: No working init found.\n"
                          "CPU: 0 PID: 1 Comm: swapper\nStack:\n";
    for (int i = 0; i < 40; ++i)
        console += " 60ca7e70 6002b1c5 00000000 \x1b[31m6038f0c8\n";
    EXPECT_EQ(console_summary(console), "early\none\ntwo\nVFS: Unable to mount root fs\n"
                                        "Kernel panic - not syncing: No working init found.\n"
                                        "CPU: 0 PID: 1 Comm: swapper\n");
}

TEST(Console, WithoutAPanicTheLastWholeLinesAreShown) {
    std::string console;
    for (int i = 0; i < 100; ++i)
        console += "line " + std::to_string(i) + " \x1b[0mof the console\r\n";
    const std::string summary = console_summary(console);
    EXPECT_LE(summary.size(), 1024U + 64);
    EXPECT_TRUE(summary.starts_with("line "));
    EXPECT_TRUE(summary.ends_with("line 99 [0mof the console\n"));
    EXPECT_EQ(console_summary(""), "");
    EXPECT_LE(console_summary(std::string(10'000, 'x')).size(), 1024U);
}

TEST(Console, TellsHowProcess1Ended) {
    const auto end = [](const std::string& line) { return end_of_process_1("[    0.2] " + line); };
    const std::string panic = "Kernel panic - not syncing: Attempted to kill init! exitcode=0x";
    EXPECT_EQ(end(panic + "00000300\nCPU: 0\n"), 0x300);
    EXPECT_EQ(end(panic + "0000000b\n"), 11);
    EXPECT_EQ(end(panic + "zz\n"), std::nullopt);
    EXPECT_EQ(end(panic), std::nullopt);
    EXPECT_EQ(end("Kernel panic - not syncing: Out of memory\n"), std::nullopt);
    EXPECT_EQ(end(panic + "00000100\nKernel panic - not syncing: other\n"), std::nullopt);
    EXPECT_EQ(end(""), std::nullopt);
}

} // namespace
} // namespace msb
