#include "net/proxy/exemptions.hpp"

#include <gtest/gtest.h>

namespace msb::net {
namespace {

bool covers(std::string_view list, std::string_view address, std::vector<std::string> names = {}) {
    return Exemptions::parse(list).cover(
        {.destination = {*IpAddress::parse(address), 443}, .names = std::move(names)});
}

TEST(Exemptions, AreNamesAddressesAndPrefixes) {
    constexpr std::string_view list = "localhost, .corp.example,Other.Example:8080 "
                                      "10.0.0.0/8,192.0.2.7,[2001:db8::1]:443,2001:db8:1::/48";
    for (const char* address : {"10.1.2.3", "192.0.2.7", "2001:db8::1", "2001:db8:1::9"})
        EXPECT_TRUE(covers(list, address)) << address;
    for (const char* address : {"11.1.2.3", "192.0.2.8", "2001:db8::2", "2001:db8:2::9"})
        EXPECT_FALSE(covers(list, address)) << address;
    for (const char* name : {"corp.example", "a.corp.example", "other.example", "b.other.example"})
        EXPECT_TRUE(covers(list, "93.184.215.14", {"first.test", name})) << name;
    for (const char* name : {"acorp.example", "example", "other.example.test"})
        EXPECT_FALSE(covers(list, "93.184.215.14", {name})) << name;
}

TEST(Exemptions, HaveEdges) {
    EXPECT_FALSE(covers("", "192.0.2.1", {"a.example"}));
    EXPECT_FALSE(covers(" , ,.,*.,[,]", "192.0.2.1", {"a.example", ""}));
    EXPECT_TRUE(covers("a,*", "192.0.2.1"));
    EXPECT_TRUE(covers("*.a.example", "192.0.2.1", {"a.example"}));
    std::string many;
    for (std::size_t i = 0; i < Exemptions::most; ++i)
        many += "x,";
    EXPECT_FALSE(covers(many + "192.0.2.1", "192.0.2.1"));
}

} // namespace
} // namespace msb::net
