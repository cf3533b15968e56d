#include "agent/boot/modules.hpp"

#include <gtest/gtest.h>

namespace msb::agent {
namespace {

constexpr std::string_view dependencies = "bridge.ko: stp.ko llc.ko\n"
                                          "llc.ko:\n"
                                          "stp.ko: llc.ko\n"
                                          "kernel/net/sched/sch_tbf.ko:\n"
                                          "virtio-rng.ko:\n";
constexpr std::string_view aliases = "# Aliases extracted from modules themselves.\n"
                                     "alias rtnl-link-bridge bridge\n"
                                     "alias net-sch-tbf sch_tbf\n"
                                     "alias virtio:d00000004v* virtio_rng\n"
                                     "alias gone nowhere\n"
                                     "alias\n";

using Files = std::vector<std::string>;

TEST(Modules, ThoseItNeedsComeFirst) {
    EXPECT_EQ(modules_for("bridge", dependencies, aliases),
              (Files{"llc.ko", "stp.ko", "bridge.ko"}));
    EXPECT_EQ(modules_for("llc", dependencies, aliases), (Files{"llc.ko"}));
}

TEST(Modules, AreFoundByAlias) {
    EXPECT_EQ(modules_for("rtnl-link-bridge", dependencies, aliases),
              (Files{"llc.ko", "stp.ko", "bridge.ko"}));
    EXPECT_EQ(modules_for("net-sch-tbf", dependencies, aliases),
              (Files{"kernel/net/sched/sch_tbf.ko"}));
    EXPECT_EQ(modules_for("virtio:d00000004v00001af4", dependencies, aliases),
              (Files{"virtio-rng.ko"}));
}

TEST(Modules, DashAndUnderscoreAreTheSame) {
    EXPECT_EQ(modules_for("virtio_rng", dependencies, aliases), (Files{"virtio-rng.ko"}));
    EXPECT_EQ(modules_for("sch-tbf", dependencies, aliases),
              (Files{"kernel/net/sched/sch_tbf.ko"}));
}

TEST(Modules, WhatIsNotThereIsNone) {
    EXPECT_EQ(modules_for("gone", dependencies, aliases), Files{});
    EXPECT_EQ(modules_for("net-pf-36", dependencies, aliases), Files{});
    EXPECT_EQ(modules_for("", dependencies, aliases), Files{});
    EXPECT_EQ(modules_for("bridge", "", ""), Files{});
}

} // namespace
} // namespace msb::agent
