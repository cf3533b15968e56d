#include "tls/upstream.hpp"

#include <gtest/gtest.h>

namespace msb::tls {
namespace {

TEST(HostPattern, MatchesNamesAndWhatIsBelow) {
    EXPECT_TRUE(matches_host("*", "anything"));
    EXPECT_TRUE(matches_host("a.org", "a.org"));
    EXPECT_FALSE(matches_host("a.org", "b.a.org"));
    EXPECT_TRUE(matches_host("*.a.org", "a.org"));
    EXPECT_TRUE(matches_host("*.a.org", "c.b.a.org"));
    EXPECT_FALSE(matches_host("*.a.org", "ba.org"));
    EXPECT_FALSE(matches_host("*.a.org", "org"));
    EXPECT_TRUE(matches_host("192.0.2.1", "192.0.2.1"));
}

TEST(HostPattern, TheClosestIsTheMostExact) {
    EXPECT_GT(closeness("a.org"), closeness("*.b.a.example.org"));
    EXPECT_GT(closeness("*.b.a.org"), closeness("*.a.org"));
    EXPECT_GT(closeness("*.a.org"), closeness("*"));
}

TEST(Upstreams, SayWhichFileIsWrong) {
    TlsdConfig config;
    config.authorities = {{"*", "nothing", "/etc/my-ca.pem"}};
    const auto upstreams = Upstreams::create(config, OwnedFd());
    ASSERT_FALSE(upstreams);
    EXPECT_NE(upstreams.error().to_string().find("/etc/my-ca.pem"), std::string::npos);
}

} // namespace
} // namespace msb::tls
