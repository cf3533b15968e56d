#include "engine/placement.hpp"

#include <gtest/gtest.h>

namespace msb::engine {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view proc_stat = R"(cpu  300 20 30 4000 5 0 6 7 0 0
cpu0 100 10 20 2000 3 0 4 5 50 0
cpu1 200 10 10 2000 2 0 2 2 0 0
cpu17 1 2 3 4 5 6 7 8 9 10
intr 1 2 3
cpu9 1 1 1 1 1 1 1 1
)";

TEST(Placement, ReadsTheLinesOfCpus) {
    const CpuTable table = parse_cpu_times(proc_stat);
    EXPECT_EQ(table, (CpuTable{{0, 139}, {1, 224}, {17, 27}}));
    EXPECT_TRUE(parse_cpu_times("").empty());
    EXPECT_TRUE(parse_cpu_times("cpu\ncpu0\ncpu1 1 2 3\ncpu2 1 2 3 x 5 6 7 8\ncpu").empty());
    EXPECT_TRUE(parse_cpu_times("cpu99999999999999999999 1 1 1 1 1 1 1 1").empty());
}

class Advice : public testing::Test {
  protected:
    /// A second in which CPUs 0 to 2 were busy for these shares of it, and the machine for its.
    std::optional<int> better(double cpu0, double cpu1, double cpu2, double machine, int current) {
        const auto ticks = [](double share) { return static_cast<std::uint64_t>(share * 100); };
        const PlacementSample before{{}, 5s, {{0, 10}, {1, 20}, {2, 30}}};
        const PlacementSample now{
            std::chrono::steady_clock::time_point(1s),
            5s + std::chrono::duration_cast<std::chrono::nanoseconds>(machine * 1s),
            {{0, 10 + ticks(cpu0)}, {1, 20 + ticks(cpu1)}, {2, 30 + ticks(cpu2)}}};
        busy_ = is_busy(before, now);
        return better_cpu(before, now, current);
    }
    bool busy_ = false;
};

TEST_F(Advice, AMachineAloneStays) {
    EXPECT_EQ(better(1, 0, 0, 1, 0), std::nullopt);
    EXPECT_TRUE(busy_);
    EXPECT_EQ(better(0.4, 0, 0, 0.3, 0), std::nullopt) << "little to win";
    EXPECT_EQ(better(1, 1, 1, 0.5, 0), std::nullopt) << "nowhere to go";
}

TEST_F(Advice, OneThatSharesGoesWhereItIsFree) {
    EXPECT_EQ(better(1, 0.2, 0, 0.5, 0), 2);
    EXPECT_EQ(better(1, 0, 0.2, 0.5, 0), 1);
    EXPECT_EQ(better(0, 1, 0.9, 0.33, 1), 0);
}

TEST_F(Advice, AnIdleOneIsLeftAlone) {
    (void)better(1, 0, 0, 0.01, 0);
    EXPECT_FALSE(busy_);
}

TEST_F(Advice, CpusThatComeAndGoAreNoReason) {
    const PlacementSample before{{}, 0s, {{0, 10}, {1, 500}}};
    const PlacementSample now{
        std::chrono::steady_clock::time_point(1s), 500ms, {{0, 110}, {1, 3}, {2, 0}}};
    EXPECT_EQ(better_cpu(before, now, 0), std::nullopt);
    EXPECT_EQ(better_cpu(before, now, 1), std::nullopt);
    EXPECT_EQ(better_cpu(before, now, 7), std::nullopt);
}

} // namespace
} // namespace msb::engine
