#include "base/closest.hpp"

#include <gtest/gtest.h>
#include <vector>

using msb::closest;

namespace {

const std::vector<std::string> commands = {"run",  "rm",      "start",   "stop", "status",
                                           "list", "inspect", "restart", "ls"};

TEST(Closest, FindsWhatASlipMadeOfAWord) {
    EXPECT_EQ(closest("rn", commands), "run");
    EXPECT_EQ(closest("statr", commands), "start");
    EXPECT_EQ(closest("stopp", commands), "stop");
    EXPECT_EQ(closest("lisd", commands), "list");
    EXPECT_EQ(closest("run", commands), "run");
}

TEST(Closest, TakesABeginningForTheWord) {
    EXPECT_EQ(closest("insp", commands), "inspect");
    EXPECT_EQ(closest("resta", commands), "restart");
}

TEST(Closest, IsSilentAboutWhatIsTooFarAway) {
    EXPECT_EQ(closest("frobnicate", commands), std::nullopt);
    EXPECT_EQ(closest("x", commands), std::nullopt);
    EXPECT_EQ(closest("", commands), std::nullopt);
    EXPECT_EQ(closest("ru", {}), std::nullopt);
    EXPECT_EQ(closest(std::string(1000, 'r'), commands), std::nullopt);
}

} // namespace
