#include "json/text.hpp"
#include "spec/network_link.hpp"
#include "spec/network_plan.hpp"

#include <gtest/gtest.h>

namespace msb {
namespace {

using namespace std::chrono_literals;

TEST(TokenBucket, PassesTheSizeAndThenTheRate) {
    const auto start = TokenBucket::Clock::time_point(1h);
    TokenBucket bucket({.size = 1000, .refill_ms = 100, .burst = 500}, start);
    EXPECT_EQ(bucket.wait(start), 0ns);
    bucket.take(1400, start);
    EXPECT_EQ(bucket.wait(start), 0ns); // 100 of the burst are left
    bucket.take(5000, start);           // more than there is passes once
    const auto wait = bucket.wait(start);
    EXPECT_GT(wait, 480ms);
    EXPECT_LT(wait, 500ms);
    EXPECT_EQ(bucket.wait(start + 500ms), 0ns);
    // Full again, and no burst.
    bucket.take(1000, start + 10s);
    EXPECT_GT(bucket.wait(start + 10s), 0ns);
    EXPECT_EQ(bucket.wait(start + 9s), bucket.wait(start + 10s)); // a clock that goes back
}

TEST(NetworkLink, RatesAreText) {
    EXPECT_EQ(*parse_rate("10M", true), (Rate{10 << 20, 1000, 0}));
    EXPECT_EQ(*parse_rate("1K/100ms", true, "2G"), (Rate{1024, 100, std::uint64_t{2} << 30}));
    EXPECT_EQ(*parse_rate("50/1m", false, "7"), (Rate{50, 60'000, 7}));
    for (const char* bad : {"", "M", "0", "1K/0s", "1K/", "-1", "1.5M", "2000000G", "1/25h"})
        EXPECT_FALSE(parse_rate(bad, true)) << bad;
    EXPECT_FALSE(parse_rate("1K", false));
}

TEST(NetworkLink, DocumentsAreReadBack) {
    InterfaceSpec interface{.mac = parse_mac("02:00:00:00:aB:01").value(), .mtu = 9000};
    interface.v4 = IpAddress::parse("10.0.0.6");
    interface.v6_pool = Prefix::parse("fd99::/48");
    EXPECT_EQ(*read_interface(to_document(interface)), interface);
    const LinkRates rates{.egress = {.bandwidth = Rate{1, 2, 3}, .ops = {}},
                          .ingress = {.bandwidth = {}, .ops = Rate{4, 5, 6}}};
    EXPECT_EQ(*read_rates(to_document(rates)), rates);
    for (const char* bad :
         {R"({"mtu": 100})", R"({"mtu": "x"})", R"({"ipv4": "10.0.0.5"})", R"({"ipv4": "fd00::2"})",
          R"({"ipv6": "fd00::1"})", R"({"ipv4_pool": "10.0.0.0/31"})", R"({"x": 1})", "[]",
          R"({"mac": "01:00:00:00:00:00"})", R"({"ipv4": "127.0.0.2"})"})
        EXPECT_FALSE(read_interface(*json::parse(bad))) << bad;
    for (const char* bad : {R"({"out": {}})", R"({"egress": 1})", R"({"egress": {"x": {}}})",
                            R"({"egress": {"ops": {"size": 0}}})", R"({"egress": {"ops": "1K"}})",
                            R"({"egress": {"ops": {"size": -1}}})"})
        EXPECT_FALSE(read_rates(*json::parse(bad))) << bad;
}

TEST(NetworkPlan, FollowsFromPoolsAndAddresses) {
    InterfaceSpec interface;
    interface.v4_pool = Prefix::parse("10.64.0.0/30");
    interface.v6 = IpAddress::parse("fd00:1:2:3:4::5");
    const NetworkPlan plan = NetworkPlan::make("x", interface, true, false);
    EXPECT_EQ(describe(*plan.v4), "addr=10.64.0.2/30,gw=10.64.0.1,dns=10.64.0.1");
    EXPECT_EQ(describe(*plan.v6), "addr=fd00:1:2:3:4::5/64,gw=fd00:1:2:3::1,dns=fd00:1:2:3::1");
    for (const char* name : {"a", "b", "c", "d", "e"}) {
        const NetworkPlan usual = NetworkPlan::make(name, {}, true, true);
        EXPECT_TRUE(Prefix::parse("172.16.0.0/12")->contains(usual.v4->guest));
        EXPECT_TRUE(Prefix::parse("fd42:6d73:62::/48")->contains(usual.v6->guest));
        EXPECT_EQ(usual.v4->guest.bytes[3] & 3, 2);
    }
}

} // namespace
} // namespace msb
