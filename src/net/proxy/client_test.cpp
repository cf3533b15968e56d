#include "net/proxy/client.hpp"

#include <gtest/gtest.h>

namespace msb::net {
namespace {

std::string text_of(const Bytes& bytes) {
    return std::string(as_text(bytes));
}

TEST(ProxyClient, HttpConnect) {
    ProxyClient client({.kind = Proxy::Kind::http, .username = "me", .password = "x"}, "fd00::1",
                       443);
    EXPECT_EQ(text_of(client.take_output()),
              "CONNECT [fd00::1]:443 HTTP/1.1\r\nHost: [fd00::1]:443\r\n"
              "Proxy-Authorization: Basic bWU6eA==\r\n\r\n");
    EXPECT_TRUE(client.take_output().empty());
    const std::string answer = "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n";
    for (std::size_t i = 0; i < answer.size(); ++i)
        EXPECT_EQ(*client.take(as_bytes(answer).first(i)), 0U);
    EXPECT_EQ(*client.take(as_bytes(answer + "hello")), answer.size());
    EXPECT_TRUE(client.done());
    for (const auto& [said, why] : {std::pair{"HTTP/1.1 407 No\r\n\r\n", "requires credentials"},
                                    std::pair{"HTTP/1.0 502 Bad\r\n\r\n", "status 502"},
                                    std::pair{"HTTP/1.1 2x0 OK\r\n\r\n", "does not speak HTTP"},
                                    std::pair{"SSH-2.0-x\r\n\r\n", "does not speak HTTP"}}) {
        ProxyClient other({}, "a.example", 80);
        EXPECT_NE(other.take(as_bytes(std::string(said))).error().message().find(why),
                  std::string::npos);
    }
    ProxyClient endless({}, "a.example", 80);
    EXPECT_FALSE(endless.take(Bytes(ProxyClient::most_answer, 'x')));
}

TEST(ProxyClient, Socks5) {
    ProxyClient client({.kind = Proxy::Kind::socks5, .username = "me", .password = "x"}, "a.b", 80);
    EXPECT_EQ(client.take_output(), (Bytes{5, 2, 0, 2}));
    EXPECT_EQ(*client.take(Bytes{5}), 0U);
    EXPECT_EQ(*client.take(Bytes{5, 2}), 2U);
    EXPECT_EQ(client.take_output(), (Bytes{1, 2, 'm', 'e', 1, 'x'}));
    EXPECT_EQ(*client.take(Bytes{1, 0}), 2U);
    EXPECT_EQ(client.take_output(), (Bytes{5, 1, 0, 3, 3, 'a', '.', 'b', 0, 80}));
    EXPECT_EQ(*client.take(Bytes{5, 0, 0, 1, 1, 2, 3}), 0U);
    EXPECT_EQ(*client.take(Bytes{5, 0, 0, 1, 1, 2, 3, 4, 0, 80, 'h'}), 10U);
    EXPECT_TRUE(client.done());

    ProxyClient open({.kind = Proxy::Kind::socks5}, "192.0.2.1", 443);
    EXPECT_EQ(open.take_output(), (Bytes{5, 1, 0}));
    EXPECT_EQ(*open.take(Bytes{5, 0}), 2U);
    EXPECT_EQ(open.take_output(), (Bytes{5, 1, 0, 1, 192, 0, 2, 1, 1, 187}));
    EXPECT_NE(open.take(Bytes{5, 2, 0, 1}).error().message().find("does not allow"),
              std::string::npos);
    for (const Bytes& bad : {Bytes{4, 0}, Bytes{5, 2}, Bytes{5, 0xff}}) {
        ProxyClient other({.kind = Proxy::Kind::socks5}, "192.0.2.1", 443);
        EXPECT_FALSE(other.take(bad));
    }
}

} // namespace
} // namespace msb::net
