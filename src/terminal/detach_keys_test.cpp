#include "terminal/detach_keys.hpp"

#include <gtest/gtest.h>

namespace msb {

namespace {

std::string typed(DetachKeys& keys, std::string_view text) {
    return std::string(as_text(keys.filter(as_bytes(text))));
}

TEST(DetachKeys, AreParsed) {
    EXPECT_EQ(parse_detach_keys("ctrl-p,ctrl-q").value(), (Bytes{16, 17}));
    EXPECT_EQ(parse_detach_keys("ctrl-],x").value(), (Bytes{29, 'x'}));
    EXPECT_TRUE(parse_detach_keys("none").value().empty());
    for (const char* bad : {"", "ctrl-", "ctrl-1", "ab", "a,,b", "a,"})
        EXPECT_FALSE(parse_detach_keys(bad)) << bad;
    EXPECT_FALSE(parse_detach_keys("1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7"));
}

TEST(DetachKeys, AreFoundInWhatIsTyped) {
    DetachKeys keys(parse_detach_keys("a,b,c").value());
    EXPECT_EQ(typed(keys, "xa"), "x");
    EXPECT_EQ(typed(keys, "b"), "");
    EXPECT_FALSE(keys.pressed());
    EXPECT_EQ(typed(keys, "cx"), "");
    EXPECT_TRUE(keys.pressed());
}

TEST(DetachKeys, PassOnWhatOnlyBeganLikeThem) {
    DetachKeys keys(parse_detach_keys("a,a,b").value());
    EXPECT_EQ(typed(keys, "aa"), "");
    EXPECT_EQ(typed(keys, "a"), "a"); // the second and third may be the beginning
    EXPECT_EQ(typed(keys, "b"), "");
    EXPECT_TRUE(keys.pressed());
}

} // namespace

} // namespace msb
