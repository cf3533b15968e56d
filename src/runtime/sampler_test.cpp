#include "runtime/sampler.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <gtest/gtest.h>

namespace msb {

namespace {

using namespace std::chrono_literals;
constexpr std::uint64_t memory_bytes = 256 << 20;

class SamplerTest : public ::testing::Test {
  protected:
    SamplerTest() {
        slot().generation = 7;
        sampler_.emplace(*metrics::SlotWriter::open(page_.data(), {.page = 1, .generation = 7}),
                         Sampler::Limits{.memory_bytes = memory_bytes,
                                         .disk_bytes = 1 << 20,
                                         .cpus = 1,
                                         .interval_ms = 1000});
        sampler_->start(1000, begin_);
    }
    metrics::Slot& slot() {
        return *reinterpret_cast<metrics::Slot*>(page_.data() + metrics::slot_in_page);
    }
    float percent() { return std::bit_cast<float>(slot().numbers.cpu_percent); }
    void publish(std::chrono::milliseconds at, std::chrono::milliseconds cpu) {
        sampler_->publish({.machine = engine::Activity{cpu, false, begin_ + at}}, 5000,
                          begin_ + at);
    }
    void beat(const wire::GuestUsage& usage, std::chrono::milliseconds at = 1s) {
        wire::Heartbeat heartbeat;
        heartbeat.active_exec_sessions = 2;
        heartbeat.usage = usage;
        sampler_->observe(heartbeat, begin_ + at);
    }

    alignas(metrics::page_bytes) std::array<std::uint8_t, metrics::page_bytes> page_{};
    const Sampler::Clock::time_point begin_ = Sampler::Clock::now();
    std::optional<Sampler> sampler_;
};

TEST_F(SamplerTest, CpuIsTheShareOfTheTimeBetweenLooks) {
    publish(1s, 500ms);
    EXPECT_FLOAT_EQ(percent(), 50);
    publish(2s, 750ms);
    EXPECT_FLOAT_EQ(percent(), 25);
    EXPECT_EQ(slot().numbers.cpu_time_ns, 750'000'000U);
    publish(2s, 750ms); // the same look
    EXPECT_FLOAT_EQ(percent(), 25);
    publish(3s, 9s); // more than there is
    EXPECT_FLOAT_EQ(percent(), 100);
    publish(4s, 8s); // never backwards
    EXPECT_EQ(slot().numbers.cpu_time_ns, 9'000'000'000U);
    EXPECT_FLOAT_EQ(percent(), 0);
}

TEST_F(SamplerTest, AGuestsNumbersAreBounded) {
    EXPECT_FALSE(sampler_->ready());
    beat({.memory_used = ~std::uint64_t{0},
          .memory_available = 5,
          .root_used = 3 << 20,
          .tasks = ~std::uint64_t{0},
          .io_stall = wire::Stall{~std::uint64_t{0}, 7}});
    EXPECT_TRUE(sampler_->ready());
    publish(1s, 0ms);
    EXPECT_EQ(slot().numbers.memory_used, memory_bytes);
    EXPECT_EQ(slot().numbers.memory_available, 5U);
    EXPECT_EQ(slot().numbers.upper_used, 1U << 20);
    EXPECT_EQ(slot().more.processes, 1U << 22);
    EXPECT_EQ(slot().more.sessions, 2U);
    EXPECT_EQ(slot().more.io, (metrics::Pressure{1'000'000, 7}));
    EXPECT_EQ(slot().numbers.known & metrics::known_upper_free, 0U);
}

TEST_F(SamplerTest, ASilentGuestHasNoNumbers) {
    beat({.memory_used = 5});
    publish(2s, 0ms);
    EXPECT_NE(slot().numbers.known & metrics::known_memory_used, 0U);
    publish(9s, 100ms);
    EXPECT_EQ(slot().numbers.known & metrics::known_memory_used, 0U);
    EXPECT_EQ(slot().numbers.cpu_time_ns, 100'000'000U);
}

TEST_F(SamplerTest, TrafficIsTwoNumbers) {
    sampler_->take_traffic("12 34");
    for (const char* const text : {"", "5", "5 ", "5 6x", " 5 6", "99999999999999999999999 1"})
        sampler_->take_traffic(text);
    publish(1s, 0ms);
    EXPECT_EQ(slot().numbers.net_received, 12U);
    EXPECT_EQ(slot().numbers.net_sent, 34U);
}

TEST_F(SamplerTest, OnlyItsOwnSlotIsTouched) {
    const auto before = page_;
    publish(1s, 500ms);
    sampler_->stop();
    EXPECT_EQ(slot().state, metrics::SlotState::stale);
    const auto end = metrics::slot_in_page + sizeof(metrics::Slot);
    EXPECT_TRUE(std::equal(page_.begin(), page_.begin() + metrics::slot_in_page, before.begin()));
    EXPECT_TRUE(std::equal(page_.begin() + end, page_.end(), before.begin() + end));
}

} // namespace

} // namespace msb
