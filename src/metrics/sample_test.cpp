#include "metrics/sample.hpp"

#include <bit>
#include <gtest/gtest.h>
#include <limits>

namespace msb::metrics {

namespace {

Slot one_sample() {
    Slot slot{.state = SlotState::active, .generation = 7, .started_at_ms = 1000};
    slot.numbers.sampled_at_ms = 2000;
    slot.numbers.known = known_cpu_percent | known_memory_used | known_io_pressure;
    slot.numbers.cpu_percent = std::bit_cast<std::uint32_t>(42.5F);
    slot.numbers.memory_used = 123;
    slot.numbers.upper_free = 5; // not known
    slot.more.cpus = 1;
    slot.more.io = {3, 2};
    return slot;
}

std::optional<Sample> read(const Slot& slot) {
    return read_slot(object_bytes(slot), 7);
}

TEST(MetricsSample, HasWhatIsKnown) {
    const auto sample = read(one_sample());
    ASSERT_TRUE(sample);
    EXPECT_TRUE(sample->active);
    EXPECT_EQ(sample->cpu_percent, 42.5);
    EXPECT_EQ(sample->memory_used, 123U);
    EXPECT_EQ(sample->io_pressure, (Pressure{3, 2}));
    EXPECT_FALSE(sample->upper_free);
    EXPECT_FALSE(sample->cpu_pressure);
}

TEST(MetricsSample, IsOfOneUseOfTheSlot) {
    EXPECT_FALSE(read_slot(object_bytes(one_sample()), 8));
    Slot none = one_sample();
    none.numbers.sampled_at_ms = 0;
    EXPECT_FALSE(read(none));
    EXPECT_FALSE(read_slot({}, 7));
}

TEST(MetricsSample, ImpossibleNumbersAreBounded) {
    Slot slot = one_sample();
    for (const float percent :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -1.0F}) {
        slot.numbers.cpu_percent = std::bit_cast<std::uint32_t>(percent);
        EXPECT_EQ(read(slot)->cpu_percent, 0);
    }
    slot.numbers.cpu_percent = std::bit_cast<std::uint32_t>(1e30F);
    slot.more.cpus = 2;
    EXPECT_EQ(read(slot)->cpu_percent, 200);
    slot.more.cpus = 0xffff'ffff;
    slot.numbers.disk_read = ~std::uint64_t{0};
    slot.numbers.sampled_at_ms = std::numeric_limits<std::int64_t>::max();
    EXPECT_EQ(read(slot)->cpus, 1024U);
    EXPECT_EQ(read(slot)->disk_read, (std::uint64_t{1} << 53) - 1);
    EXPECT_LT(read(slot)->sampled_at_ms, 253'402'300'800'000);
}

TEST(MetricsHeader, FaultsAreNamed) {
    const auto fault = [](auto change) {
        Header header{.capacity = capacity_for(4), .state = SegmentState::ready};
        change(header);
        const char* const text = find_fault(object_bytes(header), segment_bytes(capacity_for(4)));
        return std::string(text == nullptr ? "" : text);
    };
    EXPECT_EQ(fault([](Header&) {}), "");
    EXPECT_EQ(fault([](Header& h) { h.magic = 0; }), "is not a metrics registry");
    EXPECT_EQ(fault([](Header& h) { h.version = 4; }), "is of another version");
    EXPECT_EQ(fault([](Header& h) { h.capacity = 0; }), "has sizes that do not fit together");
    EXPECT_EQ(fault([](Header& h) { h.capacity = 8; }), "has sizes that do not fit together");
    EXPECT_EQ(fault([](Header& h) { h.capacity = 48; }), "has sizes that do not fit together");
    EXPECT_EQ(fault([](Header& h) { h.state = SegmentState::initialising; }), "was not finished");
}

} // namespace

} // namespace msb::metrics
