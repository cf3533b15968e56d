#include "base/testing/hex.hpp"
#include "dns/records.hpp"

#include <array>
#include <gtest/gtest.h>

namespace msb::dns {
namespace {

using msb::testing::from_hex;

const std::string question = "0377777707657861"
                             "6d706c65036f7267000041"
                             "0001"; // www.example.org HTTPS
constexpr std::size_t question_end = header_size + 21;

Bytes answer(const std::string& records, int count) {
    const std::string number = std::string("000") + char('0' + count);
    return from_hex("123481800001" + number + "00000000" + question + records);
}

TEST(DnsRecords, NamesLeadBackwardsOnly) {
    const Bytes message = from_hex("0161016200" // a.b
                                   "0163c002"   // c.b
                                   "c009"       // itself
                                   "c00d0000"); // forwards
    std::size_t at = 0;
    EXPECT_EQ(read_name(message, at), "a.b");
    EXPECT_EQ(at, 5U);
    EXPECT_EQ(read_name(message, at), "c.b");
    EXPECT_EQ(at, 9U);
    EXPECT_FALSE(read_name(message, at));
    at = 11;
    EXPECT_FALSE(read_name(message, at));
    // Two that lead to each other.
    const Bytes circle = from_hex("c0020163c000");
    at = 2;
    EXPECT_FALSE(read_name(circle, at));
}

TEST(DnsRecords, AliasesAndAddresses) {
    const Bytes message = answer("c00c0005000100000e100006036f6e65c010" // CNAME one.example.org
                                 "c02d00010001000000050004"             // A
                                 "0a000005"
                                 "c02d001c00010000000a0010" // AAAA
                                 "20010db8000000000000000000000001",
                                 3);
    const auto contents = read_contents(message, question_end);
    ASSERT_TRUE(contents);
    EXPECT_EQ(contents->aliases, std::vector<std::string>{"one.example.org"});
    EXPECT_EQ(contents->addresses.size(), 2U);
    EXPECT_EQ(contents->ttl, 5U);
    for (std::size_t size = 0; size < message.size(); ++size)
        EXPECT_FALSE(read_contents(BytesView(message).first(size), question_end));
}

TEST(DnsRecords, KeysAreTakenOutWithoutMovingAnything) {
    // Priority 1, no other target; alpn h2, port 443, a hint, ECH; then an address behind it.
    const std::string mandatory = "0000000400010005", alpn = "00010003026832",
                      port = "0003000201bb", hint = "000400045db8d70e", ech = "0005000401020304";
    const std::string parameters = mandatory + alpn + port + hint + ech;
    const std::string size = to_hex(Bytes{0, static_cast<std::uint8_t>(3 + parameters.size() / 2)});
    const std::string address = "c00c00010001000000050004"
                                "0a000005";
    Bytes message = answer("c00c0041000100000e10" + size + "000100" + parameters + address, 2);
    constexpr std::array unwanted = {ServiceKey::ech, ServiceKey::ipv4_hint, ServiceKey::ipv6_hint};
    ASSERT_TRUE(remove_service_keys(message, question_end, unwanted));
    const std::string kept = "000000020001" + alpn + port;
    const std::size_t left = (parameters.size() - kept.size()) / 2;
    const std::string filling = "fffe" + to_hex(Bytes{0, static_cast<std::uint8_t>(left - 4)}) +
                                std::string(2 * (left - 4), '0');
    EXPECT_EQ(
        to_hex(message),
        to_hex(answer("c00c0041000100000e10" + size + "000100" + kept + filling + address, 2)));
    EXPECT_EQ(read_contents(message, question_end)->addresses.size(), 1U);
    // A parameter that is longer than its record.
    message = answer("c00c0041000100000e10"
                     "0008"
                     "000100"
                     "0005000401",
                     1);
    EXPECT_FALSE(remove_service_keys(message, question_end, unwanted));
}

} // namespace
} // namespace msb::dns
