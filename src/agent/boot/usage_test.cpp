#include "agent/boot/usage.hpp"

#include <gtest/gtest.h>

namespace msb::agent {

namespace {

TEST(Usage, MemoryIsInBytes) {
    constexpr std::string_view text = "MemTotal:         253952 kB\nMemAvailable:     200 kB\n";
    EXPECT_EQ(parse_memory_line(text, "MemTotal:"), 253952U * 1024);
    EXPECT_EQ(parse_memory_line(text, "MemAvailable:"), 200U * 1024);
    EXPECT_FALSE(parse_memory_line(text, "Cached:"));
    EXPECT_FALSE(parse_memory_line("MemTotal: much", "MemTotal:"));
}

TEST(Usage, TasksAreAllOfThem) {
    EXPECT_EQ(parse_task_count("0.00 0.01 0.05 1/42 311\n"), 42U);
    EXPECT_FALSE(parse_task_count(""));
}

TEST(Usage, StallHasBothLines) {
    const auto stall = parse_stall("some avg10=0.00 avg60=0.00 avg300=0.00 total=123\n"
                                   "full avg10=0.00 avg60=0.00 avg300=0.00 total=45\n");
    ASSERT_TRUE(stall);
    EXPECT_EQ(stall->some_us, 123U);
    EXPECT_EQ(stall->full_us, 45U);
    EXPECT_EQ(parse_stall("some avg10=0.00 total=7\n")->full_us, 0U);
    EXPECT_FALSE(parse_stall(""));
}

TEST(Usage, OfThisMachineMakesSense) {
    const wire::GuestUsage usage = UsageMeter().read();
    ASSERT_TRUE(usage.memory_used && usage.memory_available && usage.root_free);
    EXPECT_GT(*usage.memory_used, 0U);
    EXPECT_GT(*usage.memory_available, 0U);
}

} // namespace

} // namespace msb::agent
