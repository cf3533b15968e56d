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

TEST(Registry, LoopbackIsDecidedByAddress) {
    for (const char* host : {"localhost", "localhost:5000", "127.0.0.1", "127.9.9.9:80", "[::1]:1"})
        EXPECT_TRUE(is_loopback(host)) << host;
    for (const char* host :
         {"127.evil.example", "128.0.0.1", "localhost.example", "example:127", "[::2]:1"})
        EXPECT_FALSE(is_loopback(host)) << host;
}

} // namespace
} // namespace msb::image
