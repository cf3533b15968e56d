#include "net/policy/groups.hpp"

#include <array>
#include <gtest/gtest.h>

namespace msb::net {
namespace {

const Gateways guest_gateways{IpAddress(Ipv4Bytes{172, 16, 0, 1}),
                              IpAddress::parse("fd42:6d73:62::1")};

Group group_of(const char* text) {
    return classify(*IpAddress::parse(text), guest_gateways);
}

TEST(Groups, EveryAddressHasOneGroup) {
    for (const char* text : {"172.16.0.1", "fd42:6d73:62::1", "::ffff:172.16.0.1"})
        EXPECT_EQ(group_of(text), Group::host) << text;
    for (const char* text : {"169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
                             "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:c1::a9fe:a9fe",
                             "fd00:42::42", "fe80::a9fe:a9fe", "169.254.170.23", "168.63.129.16",
                             "100.100.100.200", "100.96.0.96", "::ffff:100.100.100.200"})
        EXPECT_EQ(group_of(text), Group::metadata) << text;
    for (const char* text : {"127.0.0.1", "127.255.255.255", "::1", "0.0.0.0",
                             "::", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1"})
        EXPECT_EQ(group_of(text), Group::loopback) << text;
    for (const char* text : {"10.1.2.3", "172.16.0.2", "172.31.255.255", "192.168.1.1",
                             "100.64.0.1", "fd00::1", "fc00::1", "2002:0a00:1::1", "fec0::1"})
        EXPECT_EQ(group_of(text), Group::private_network) << text;
    for (const char* text : {"169.254.1.1", "fe80::1"})
        EXPECT_EQ(group_of(text), Group::link_local) << text;
    for (const char* text : {"224.0.0.1", "239.255.255.255", "ff02::1"})
        EXPECT_EQ(group_of(text), Group::multicast) << text;
    for (const char* text : {"192.0.2.1", "198.18.0.1", "255.255.255.255", "240.0.0.1",
                             "2001:db8::1", "100::1", "::5", "4000::1"})
        EXPECT_EQ(group_of(text), Group::reserved) << text;
    for (const char* text : {"1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111",
                             "64:ff9b::101:101", "::ffff:8.8.8.8"})
        EXPECT_EQ(group_of(text), Group::public_network) << text;
}

TEST(Groups, MoreMetadataServicesCanBeNamed) {
    const std::array more{*Prefix::parse("203.0.113.9"), *Prefix::parse("2606:4700::/32")};
    for (const char* text : {"203.0.113.9", "::ffff:203.0.113.9", "2606:4700::1111"})
        EXPECT_EQ(classify(*IpAddress::parse(text), guest_gateways, more), Group::metadata) << text;
    EXPECT_EQ(classify(*IpAddress::parse("203.0.113.8"), guest_gateways, more), Group::reserved);
    EXPECT_EQ(
        classify(*guest_gateways.v4, guest_gateways, std::array{*Prefix::parse("172.16.0.0/12")}),
        Group::host); // the gateway is ours
}

TEST(Groups, MembersOfAPrivateNetworkHaveTwoAddresses) {
    Gateways joined = guest_gateways;
    joined.network = Prefix::parse("10.213.7.0/24");
    const IpAddress member(Ipv4Bytes{10, 213, 7, 9});
    EXPECT_EQ(member_v4(member_v6(member)), member);
    for (const char* text : {"10.213.7.9", "fd6d:7362:6e77::10.213.7.9", "::ffff:10.213.7.9"}) {
        EXPECT_EQ(classify(*IpAddress::parse(text), joined), Group::member) << text;
        EXPECT_EQ(group_of(text), Group::private_network) << text;
    }
    for (const char* text : {"10.213.8.9", "fd6d:7362:6e77::10.213.8.9", "fd6d:7362:6e77::8.8.8.8"})
        EXPECT_EQ(classify(*IpAddress::parse(text), joined), Group::private_network) << text;
}

} // namespace
} // namespace msb::net
