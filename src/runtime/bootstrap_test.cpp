#include "runtime/bootstrap.hpp"

#include <csignal>
#include <gtest/gtest.h>

namespace msb {
namespace {

LaunchConfig config() {
    LaunchConfig result;
    result.spec.name = "box";
    result.spec.hostname = "host";
    return result;
}

TEST(Bootstrap, WhatIsNotAskedForIsLeftToTheGuest) {
    const wire::Bootstrap document = make_bootstrap(config(), 42, std::nullopt);
    EXPECT_EQ(document.hostname, "host");
    EXPECT_EQ(document.unix_time_nanos, 42U);
    EXPECT_EQ(document.stop_signal, SIGTERM);
    EXPECT_FALSE(document.entropy || document.user || document.default_cwd || document.network ||
                 document.handoff_init || document.make_default_cwd);
    EXPECT_TRUE(document.dir_mounts.empty() && document.file_mounts.empty());
}

TEST(Bootstrap, TheSpecReachesTheGuest) {
    LaunchConfig asked = config();
    asked.spec.user = "user";
    asked.spec.workdir = "/work";
    asked.make_workdir = true;
    asked.spec.env = {{"A", "1"}};
    asked.spec.stop_signal = "SIGQUIT";
    asked.spec.security = SecurityProfile::restricted;
    asked.spec.init = InitSpec{"/sbin/init", {"x"}, {{"K", "v"}}};
    asked.spec.mounts.resize(2);
    asked.spec.mounts[0].guest = "/d";
    asked.spec.mounts[0].read_only = true;
    asked.spec.mounts[1].guest = "/f";
    asked.mounts = {{MountBacking::Kind::directory, "fs-0"}, {MountBacking::Kind::file, "fs-1"}};
    asked.network = NetworkPlan::make("box", {}, true, false);
    const wire::Bootstrap document = make_bootstrap(asked, 0, Bytes(8, 1));
    EXPECT_EQ(document.user, "user");
    EXPECT_EQ(document.default_cwd, "/work");
    EXPECT_EQ(document.make_default_cwd, true);
    EXPECT_EQ(document.need_default_cwd, false);
    EXPECT_EQ(document.stop_signal, SIGQUIT);
    EXPECT_EQ(document.security_profile, wire::SecurityProfile::restricted);
    ASSERT_TRUE(document.handoff_init);
    EXPECT_EQ(document.handoff_init->cmd, "/sbin/init");
    ASSERT_EQ(document.dir_mounts.size(), 1U);
    EXPECT_EQ(document.dir_mounts[0].guest_path, "/d");
    EXPECT_TRUE(document.dir_mounts[0].flags.readonly);
    ASSERT_EQ(document.file_mounts.size(), 1U);
    EXPECT_EQ(document.file_mounts[0].guest_path, "/f");
    ASSERT_TRUE(document.network);
    EXPECT_TRUE(document.network->ipv4);
    EXPECT_FALSE(document.network->ipv6);
    EXPECT_EQ(document.default_env.size(), 2U) << "A, and where the network is";
    EXPECT_EQ(document.entropy, Bytes(8, 1));
}

} // namespace
} // namespace msb
