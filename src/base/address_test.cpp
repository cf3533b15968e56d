#include "base/address.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>

namespace msb {
namespace {

TEST(Address, Numbers) {
    EXPECT_FALSE(IpAddress::parse("127.0.0.1")->v6);
    EXPECT_TRUE(IpAddress::parse("::1")->v6);
    EXPECT_EQ(IpAddress::parse("::1"), IpAddress::loopback(true));
    EXPECT_EQ(IpAddress::parse("2001:DB8::0:1")->to_string(), "2001:db8::1");
    using namespace std::string_view_literals;
    for (const std::string_view text :
         {""sv, "localhost"sv, "1.2.3"sv, "1.2.3.4.5"sv, "::1%1"sv, "[::1]"sv, "1.2.3.4\0"sv})
        EXPECT_FALSE(IpAddress::parse(text)) << text;
}

TEST(Address, Scopes) {
    const auto address = IpAddress::parse_scoped("fe80::1%7");
    ASSERT_TRUE(address);
    EXPECT_EQ(address->scope, 7U);
    EXPECT_EQ(address->to_string(), "fe80::1%7");
    EXPECT_NE(*address, *IpAddress::parse("fe80::1"));
    EXPECT_EQ(IpAddress::parse_scoped("::1%lo")->scope, 1U);
    EXPECT_EQ(IpAddress::parse_scoped("10.0.0.1"), IpAddress::parse("10.0.0.1"));
    for (const char* text : {"fe80::1%", "fe80::1%0", "fe80::1%no-such-link", "10.0.0.1%lo", "%lo"})
        EXPECT_FALSE(IpAddress::parse_scoped(text)) << text;
}

TEST(Address, Prefixes) {
    const auto in = [](const char* prefix, const char* address) {
        return Prefix::parse(prefix)->contains(*IpAddress::parse(address));
    };
    EXPECT_TRUE(in("10.0.0.0/8", "10.255.0.1"));
    EXPECT_FALSE(in("10.0.0.0/8", "11.0.0.0"));
    EXPECT_TRUE(in("172.16.0.0/12", "172.31.0.1"));
    EXPECT_FALSE(in("172.16.0.0/12", "172.32.0.1"));
    EXPECT_TRUE(in("0.0.0.0/0", "1.2.3.4"));
    EXPECT_FALSE(in("0.0.0.0/0", "::1"));
    EXPECT_TRUE(in("1.2.3.4", "1.2.3.4"));
    EXPECT_FALSE(in("1.2.3.4", "1.2.3.5"));
    EXPECT_EQ(Prefix::parse("fd00::/7"), std::nullopt); // bits behind the prefix
    EXPECT_EQ(Prefix::parse("fc00::/7")->to_string(), "fc00::/7");
    for (const char* text :
         {"", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "x/8", "fe80::%1/64"})
        EXPECT_FALSE(Prefix::parse(text)) << text;
}

TEST(Address, Ports) {
    EXPECT_EQ(parse_port("0"), 0);
    EXPECT_EQ(parse_port("65535"), 65535);
    for (const char* text : {"", "65536", "-1", "+1", "1 ", "0x1", "http"})
        EXPECT_FALSE(parse_port(text)) << text;
}

TEST(Address, ThroughTheKernelsForm) {
    for (const char* text : {"192.0.2.1", "2001:db8::1", "fe80::1%7"}) {
        const Endpoint endpoint{*IpAddress::parse_scoped(text), 80};
        EXPECT_EQ(SocketAddress(endpoint).endpoint(), endpoint);
    }
    // IPv4 in IPv6 form is IPv4.
    EXPECT_EQ(SocketAddress(Endpoint{*IpAddress::parse("::ffff:192.0.2.1"), 1}).endpoint(),
              (Endpoint{*IpAddress::parse("192.0.2.1"), 1}));
    EXPECT_FALSE(SocketAddress().endpoint());
    EXPECT_EQ((Endpoint{*IpAddress::parse("::1"), 80}.to_string()), "[::1]:80");
    EXPECT_EQ((Endpoint{*IpAddress::parse("10.0.0.1"), 80}.to_string()), "10.0.0.1:80");
}

} // namespace
} // namespace msb
