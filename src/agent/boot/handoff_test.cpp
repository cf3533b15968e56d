#include "agent/boot/handoff.hpp"

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <sys/syscall.h>

namespace msb::agent {
namespace {

TEST(Handoff, InitsAreToldApartByTheirProgram) {
    EXPECT_EQ(identify_init("/usr/lib/systemd/systemd", "systemd"), InitKind::systemd);
    EXPECT_EQ(identify_init("/bin/busybox", "init"), InitKind::busybox);
    EXPECT_EQ(identify_init("/usr/bin/busybox.static", "busybox"), InitKind::busybox);
    EXPECT_EQ(identify_init("/usr/sbin/init", "init"), InitKind::sysvinit);
    EXPECT_EQ(identify_init("/usr/sbin/runit", "runit"), InitKind::runit);
    EXPECT_EQ(identify_init("/sbin/openrc-init", "openrc-init"), InitKind::openrc);
    EXPECT_EQ(identify_init("/usr/bin/s6-svscan", "s6-svscan"), InitKind::s6);
    EXPECT_EQ(identify_init("/usr/bin/tini", "tini"), InitKind::other);
    EXPECT_EQ(identify_init("", ""), InitKind::other);
}

TEST(Handoff, SysvinitRequestIsLaidOutAsItsHeaderSays) {
    const std::string request = sysvinit_request('0');
    ASSERT_EQ(request.size(), 384U);
    std::int32_t head[4];
    std::memcpy(head, request.data(), sizeof(head));
    EXPECT_EQ(head[0], 0x03091969);
    EXPECT_EQ(head[1], 1);
    EXPECT_EQ(head[2], '0');
}

TEST(Handoff, SignalsAreHeardThatAreCaughtOrBlocked) {
    constexpr const char* status =
        "Name:\tinit\nSigPnd:\tffffffffffffffff\nSigBlk:\t0000002000000001\n"
        "SigIgn:\tffffffffffffffff\nSigCgt:\t0000000000004800\n";
    const auto hears = [&](int signal) { return hears_signal(status, "7 0x1", signal); };
    EXPECT_TRUE(hears(1));
    EXPECT_TRUE(hears(12)); // SIGUSR2
    EXPECT_TRUE(hears(15));
    EXPECT_TRUE(hears(38)); // SIGRTMIN+4
    EXPECT_FALSE(hears(10));
    EXPECT_FALSE(hears(64));
    EXPECT_FALSE(hears_signal("", "", 15));
    EXPECT_FALSE(hears_signal("SigCgt:\t", "running", 15));
}

TEST(Handoff, WhoWaitsForSignalsHearsThem) {
    constexpr const char* status = "SigBlk:\t0000000000000000\nSigCgt:\t0000000000000000\n";
    const std::string call = std::to_string(SYS_rt_sigtimedwait);
    EXPECT_TRUE(hears_signal(status, call + " 0x5eb308 0x0 0x0 0x8", 12));
    EXPECT_FALSE(hears_signal(status, call + "0 0x1", 12));
}

TEST(Handoff, WhatCannotBeExecutedIsRefusedBeforehand) {
    const auto refusal = [](const std::string& path) {
        const auto handoff = prepare_handoff({.cmd = path}, {}, {});
        return handoff ? std::string("accepted") : handoff.error().to_string();
    };
    EXPECT_EQ(refusal("/no/such/init"),
              "handoff init binary not found '/no/such/init': No such file or directory");
    EXPECT_EQ(refusal("/etc/passwd"),
              "handoff init binary is not executable '/etc/passwd': Permission denied");
    EXPECT_EQ(refusal("/etc"), "handoff init is not a regular file '/etc': Permission denied");
    EXPECT_EQ(refusal("/bin/sh"), "accepted");
}

TEST(Handoff, InitVariablesGoOverTheSandboxes) {
    const auto handoff = prepare_handoff(
        {.cmd = "/bin/sh", .args = {"-x"}, .cwd = {}, .env = {{"A", "init"}, {"HOME", "/i"}}},
        {{"A", "sandbox"}, {"B", "sandbox"}}, {});
    ASSERT_TRUE(handoff);
    EXPECT_EQ(handoff->argv, (std::vector<std::string>{"/bin/sh", "-x"}));
    const auto& env = handoff->env;
    for (const char* wanted : {"A=init", "B=sandbox", "HOME=/i", "TERM=linux"})
        EXPECT_EQ(std::ranges::count(env, wanted), 1) << wanted;
    EXPECT_EQ(std::ranges::count(env, "A=sandbox"), 0);
}

TEST(Handoff, NamesTheInterpreterOfAScript) {
    EXPECT_EQ(script_interpreter("#!/bin/sh\nexit\n"), "/bin/sh");
    EXPECT_EQ(script_interpreter("#! \t/usr/bin/env  python3 -u\n"), "/usr/bin/env");
    EXPECT_EQ(script_interpreter("#!/bin/sh"), "/bin/sh");
    EXPECT_EQ(script_interpreter("#!\n/bin/sh\n"), "");
    EXPECT_EQ(script_interpreter("#!"), "");
    EXPECT_EQ(script_interpreter("\x7f"
                                 "ELF"),
              "");
    EXPECT_EQ(script_interpreter(""), "");
}

} // namespace
} // namespace msb::agent
