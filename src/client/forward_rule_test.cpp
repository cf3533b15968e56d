#include "client/forward_rule.hpp"

#include <gtest/gtest.h>

namespace msb {
namespace {

std::string parsed(std::string_view text) {
    const auto rule = parse_forward_rule(text);
    if (!rule)
        return "error: " + rule.error().to_string();
    return rule->listen.to_string() + " -> " + rule->target.to_string();
}

TEST(ForwardRule, Ports) {
    EXPECT_EQ(parsed("8080"), "127.0.0.1:8080 -> localhost:8080");
    EXPECT_EQ(parsed("8080:80"), "127.0.0.1:8080 -> localhost:80");
    EXPECT_EQ(parsed("0:80"), "127.0.0.1:0 -> localhost:80");
    EXPECT_EQ(parsed("8080:db:5432"), "127.0.0.1:8080 -> db:5432");
    EXPECT_EQ(parsed("8080:10.0.0.1:80"), "127.0.0.1:8080 -> 10.0.0.1:80");
    EXPECT_EQ(parsed("0.0.0.0:8080:80"), "0.0.0.0:8080 -> localhost:80");
    EXPECT_EQ(parsed("*:8080:80"), "0.0.0.0:8080 -> localhost:80");
    EXPECT_EQ(parsed("localhost:8080"), "127.0.0.1:8080 -> localhost:8080");
    EXPECT_EQ(parsed("127.0.0.2:8080:db:5432"), "127.0.0.2:8080 -> db:5432");
    EXPECT_EQ(parsed("[::1]:8080:80"), "[::1]:8080 -> localhost:80");
    EXPECT_EQ(parsed("[::1]:8080:[fe80::1%eth0]:80"), "[::1]:8080 -> [fe80::1%eth0]:80");
    EXPECT_EQ(parsed("8080:[::1]:80"), "127.0.0.1:8080 -> [::1]:80");
}

TEST(ForwardRule, Sockets) {
    EXPECT_EQ(parsed("8080:/run/app.sock"), "127.0.0.1:8080 -> unix:/run/app.sock");
    EXPECT_EQ(parsed("8080:@name"), "127.0.0.1:8080 -> unix:@name");
    EXPECT_EQ(parsed("./a.sock:/run/app.sock"), "./a.sock -> unix:/run/app.sock");
    EXPECT_EQ(parsed("/tmp/a.sock:80"), "/tmp/a.sock -> localhost:80");
    EXPECT_EQ(parsed("/tmp/a.sock:db:80"), "/tmp/a.sock -> db:80");
}

TEST(ForwardRule, Mistakes) {
    for (const char* text :
         {"", ":", "x", "80:0", "8080:", "8080:db", "8080:80:90:100", "65536", "-1", "8080:db:port",
          "db:8080:80", "/tmp/a.sock", "8080:./x.sock", "1:2:3:4:5", "[::1:80", "8080::80", "0"}) {
        const auto rule = parse_forward_rule(text);
        ASSERT_FALSE(rule) << text;
        EXPECT_EQ(rule.error().kind(), ErrorKind::invalid_argument) << text;
        EXPECT_FALSE(rule.error().hint().empty()) << text;
    }
}

TEST(ForwardRule, Targets) {
    const auto target = [](std::string_view text) {
        const auto result = parse_tcp_target(text);
        return result ? result->to_string() : "error";
    };
    EXPECT_EQ(target("80"), "localhost:80");
    EXPECT_EQ(target("db:5432"), "db:5432");
    EXPECT_EQ(target("[::1]:80"), "[::1]:80");
    EXPECT_EQ(target("/run/app.sock"), "unix:/run/app.sock");
    EXPECT_EQ(target("unix:/run/app.sock"), "unix:/run/app.sock");
    EXPECT_EQ(target("@x"), "unix:@x");
    EXPECT_EQ(target("db"), "error");
    EXPECT_EQ(target("0"), "error");
    EXPECT_EQ(target("a:b:80"), "error");
}

} // namespace
} // namespace msb
