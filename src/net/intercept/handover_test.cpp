#include "net/intercept/handover.hpp"

#include <gtest/gtest.h>

namespace msb::net {
namespace {

TEST(Handover, ComesBackAsItWas) {
    const Handover handover{.name = "api.example.org",
                            .names = {"api.example.org", "alias.example.org"},
                            .destination = {*IpAddress::parse("2001:db8::1"), 443},
                            .tls = true};
    const auto read = Handover::from_json(handover.to_json());
    ASSERT_TRUE(read) << read.error().to_string();
    EXPECT_EQ(*read, handover);
}

TEST(Handover, SaysNoMoreThanSoMuch) {
    Handover handover{.destination = {*IpAddress::parse("192.0.2.1"), 443}};
    handover.names.assign(100, std::string(250, 'a'));
    const std::string text = handover.to_json();
    EXPECT_LE(text.size(), Handover::most_bytes);
    EXPECT_EQ(Handover::from_json(text)->names.size(), Handover::most_names);
}

TEST(Handover, IsNotBelieved) {
    for (const char* const text :
         {"", "{}", "[]",
          R"({"name":"a b","names":[],"address":"192.0.2.1","port":443,"tls":true})",
          R"({"name":"a\n","names":[],"address":"192.0.2.1","port":443,"tls":true})",
          R"({"name":"a","names":[],"address":"nowhere","port":443,"tls":true})",
          R"({"name":"a","names":[],"address":"192.0.2.1","port":65536,"tls":true})",
          R"({"name":"a","names":[1],"address":"192.0.2.1","port":443,"tls":true})"})
        EXPECT_FALSE(Handover::from_json(text)) << text;
}

} // namespace
} // namespace msb::net
