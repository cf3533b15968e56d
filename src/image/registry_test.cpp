#include "image/registry_client.hpp"

#include <gtest/gtest.h>

namespace msb::image {
namespace {

TEST(Registry, ReadsChallenges) {
    const auto challenge = parse_challenge("bearer realm=\"https://auth.example/token\", "
                                           "service=reg ,scope=\"repository:a/b:pull,push\"");
    ASSERT_TRUE(challenge);
    EXPECT_EQ(challenge->realm, "https://auth.example/token");
    EXPECT_EQ(challenge->service, "reg");
    EXPECT_EQ(challenge->scope, "repository:a/b:pull,push");
    EXPECT_EQ(parse_challenge("Bearer realm=\"a\\\"b\"")->realm, "a\"b");
    for (const char* text : {"", "Basic realm=\"x\"", "Bearer", "Bearer ", "Bearer service=\"x\"",
                             "Bearer realm", "Bearer realm=\"", "Bearer ,,,"})
        EXPECT_FALSE(parse_challenge(text)) << text;
}

TEST(Registry, FindsTheChallengeAmongOthers) {
    for (const char* text :
         {"Basic realm=\"x, Bearer realm=y\", Bearer realm=\"https://a/t\",service=\"reg\"",
          "Bearer realm=\"https://a/t\", service=reg, Basic realm=\"x\", service=no",
          "Negotiate YWJj==,Bearer realm = \"https://a/t\" , service = reg",
          "Bearer error=\"x\", bearer realm=\"https://a/t\",service=reg"}) {
        const auto challenge = parse_challenge(text);
        ASSERT_TRUE(challenge) << text;
        EXPECT_EQ(challenge->realm, "https://a/t") << text;
        EXPECT_EQ(challenge->service, "reg") << text;
    }
    EXPECT_FALSE(parse_challenge("Basic realm=\"x\", Digest realm=\"y\""));
}

TEST(Registry, WaitsAsLongAsItIsAsked) {
    constexpr std::time_t now = 784'111'770; // Sun, 06 Nov 1994 08:49:30 GMT
    const auto seconds = [](const char* text) { return parse_retry_after(text, now).count(); };
    EXPECT_EQ(seconds("7"), 7);
    EXPECT_EQ(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), 7);
    EXPECT_EQ(seconds("Sunday, 06-Nov-94 08:49:37 GMT"), 7);
    EXPECT_EQ(seconds("Sun Nov  6 08:49:37 1994"), 7);
    EXPECT_EQ(seconds("Sun, 06 Nov 1994 08:49:00 GMT"), 0) << "it is past";
    for (const char* text : {"100000", "99999999999999999999", "Fri, 31 Dec 2099 00:00:00 GMT"})
        EXPECT_EQ(seconds(text), 20) << text << ": never long";
    for (const char* text : {"", "soon", "-5", "7 s"})
        EXPECT_LE(seconds(text), 20) << text;
}

TEST(Registry, LoopbackIsDecidedByAddress) {
    for (const char* host : {"localhost", "localhost:5000", "127.0.0.1", "127.9.9.9:80", "[::1]:1"})
        EXPECT_TRUE(is_loopback(host)) << host;
    for (const char* host :
         {"127.evil.example", "128.0.0.1", "localhost.example", "example:127", "[::2]:1"})
        EXPECT_FALSE(is_loopback(host)) << host;
}

} // namespace
} // namespace msb::image
