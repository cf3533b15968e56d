#include "net/deny/http_denials.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace msb::net {
namespace {

using namespace std::chrono_literals;

class HttpDenialsTest : public ::testing::Test {
  protected:
    HttpDenialsTest() : loop(*EventLoop::create()), denials(*loop, "box") {
        flow.destination = {IpAddress(Ipv4Bytes{1, 1, 1, 1}), 80};
        socket = *denials.open(flow, "rule 1 (deny@any) denies 1.1.1.1 (public)");
    }
    /// What comes back; "reset", "nothing".
    std::string say(std::string_view text) {
        EXPECT_EQ(::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
        for (int i = 0; i < 4; ++i)
            (void)loop->run_once(0ms);
        std::array<char, 4096> bytes;
        const ssize_t count = ::recv(socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (count == -1)
            return errno == ECONNRESET ? "reset" : "nothing";
        return {bytes.data(), static_cast<std::size_t>(count)};
    }

    std::unique_ptr<EventLoop> loop;
    HttpDenials denials;
    Flow flow;
    OwnedFd socket;
};

TEST_F(HttpDenialsTest, ARequestIsAnsweredWithTheReason) {
    EXPECT_EQ(say("GET / HTTP/1.1\r\nHost: a.org\r\n"), "nothing");
    const std::string answer = say("\r\n");
    EXPECT_EQ(answer.find("HTTP/1.1 403 Forbidden\r\n"), 0U);
    EXPECT_NE(answer.find("rule 1 (deny@any) denies 1.1.1.1 (public)"), std::string::npos);
    EXPECT_NE(answer.find("msb modify box --net-rule 'allow@1.1.1.1:tcp:80'"), std::string::npos);
    EXPECT_EQ(say("the rest of it"), ""); // and then its end
}

TEST_F(HttpDenialsTest, AsJsonForThoseWhoTakeIt) {
    const std::string answer = say("GET / HTTP/1.1\r\nACCEPT: text/x, Application/JSON\r\n\r\n");
    EXPECT_NE(answer.find("Content-Type: application/json"), std::string::npos);
    EXPECT_NE(answer.find(R"("code":"network_policy_denied")"), std::string::npos);
    EXPECT_NE(answer.find(R"("domain":null)"), std::string::npos);
}

TEST_F(HttpDenialsTest, ThereIsNoBodyForAHead) {
    const std::string answer = say("HEAD / HTTP/1.1\n\n");
    EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST_F(HttpDenialsTest, WhatIsNoRequestIsReset) {
    EXPECT_EQ(say("hi\n"), "reset");
}

TEST_F(HttpDenialsTest, SoIsAHeadWithoutEnd) {
    EXPECT_EQ(say("GET /" + std::string(9000, 'x')), "reset");
}

TEST_F(HttpDenialsTest, AreBoundedAndLeaveNothing) {
    std::vector<OwnedFd> others;
    for (std::size_t i = 1; i < HttpDenials::max_visitors; ++i)
        others.push_back(*denials.open(flow, "no"));
    EXPECT_FALSE(denials.open(flow, "no"));
    others.clear();
    for (int i = 0; i < 40; ++i)
        (void)loop->run_once(0ms);
    EXPECT_TRUE(denials.open(flow, "no"));
}

TEST(Remedy, NamesWhatIsToBeAllowed) {
    Flow flow{.destination = {*IpAddress::parse("2001:db8::1"), 80}};
    EXPECT_EQ(remedy_for(flow, "a"), "msb modify a --net-rule 'allow@[2001:db8::1]:tcp:80'");
    flow.names = {"a.org", "b.org"};
    EXPECT_EQ(remedy_for(flow, "a"), "msb modify a --net-rule 'allow@a.org:tcp:80'");
}

} // namespace
} // namespace msb::net
