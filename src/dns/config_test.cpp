#include "dns/config.hpp"

#include <gtest/gtest.h>

namespace msb::dns {
namespace {

IpAddress address(const char* text) {
    const auto parsed = IpAddress::parse_scoped(text);
    EXPECT_TRUE(parsed) << text;
    return parsed.value_or(IpAddress{});
}

TEST(DnsConfig, Hosts) {
    constexpr std::string_view file =
        "# comment\n127.0.0.1\tlocalhost\n10.0.0.5  db Db.example # x\n"
        "::5 db\nnonsense db\n10.0.0.6 other";
    EXPECT_EQ(find_in_hosts(file, "DB"), (std::vector{address("10.0.0.5"), address("::5")}));
    EXPECT_EQ(find_in_hosts(file, "db.example"), std::vector{address("10.0.0.5")});
    EXPECT_EQ(find_in_hosts(file, "other"), std::vector{address("10.0.0.6")});
    EXPECT_TRUE(find_in_hosts(file, "x").empty());
    EXPECT_TRUE(find_in_hosts("", "x").empty());
}

TEST(DnsConfig, Resolvers) {
    const auto config = parse_resolver_config("nameserver 10.0.0.1\nnameserver nonsense\n"
                                              "nameserver ::1 # second\nnameserver 1.1.1.1\n"
                                              "nameserver 2.2.2.2\nsearch old\nsearch a.example b\n"
                                              "options ndots:2 timeout:99 attempts:0 rotate\n");
    EXPECT_EQ(config.servers.size(), 3U);
    EXPECT_EQ(config.search, (std::vector<std::string>{"a.example", "b"}));
    EXPECT_EQ(config.options,
              (std::vector<std::string>{"ndots:2", "timeout:99", "attempts:0", "rotate"}));
    EXPECT_EQ(config.dots, 2U);
    EXPECT_EQ(config.seconds, 30U);
    EXPECT_EQ(config.attempts, 1U);
    EXPECT_EQ(candidate_names(config, "x.y"),
              (std::vector<std::string>{"x.y.a.example", "x.y.b", "x.y"}));
    EXPECT_EQ(candidate_names(config, "x.y.z").front(), "x.y.z");
    EXPECT_EQ(candidate_names(config, "x.y.z."), std::vector<std::string>{"x.y.z"});
}

} // namespace
} // namespace msb::dns
