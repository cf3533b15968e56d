#include "json/line_of.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace msb::json {
namespace {

std::size_t line(std::string_view text, const std::vector<std::string>& path) {
    return line_of(text, path);
}

TEST(JsonLineOf, FindsMembers) {
    constexpr std::string_view text = R"({
  "a": {"b": [1, {"c": true},
    "x"],
    "c": "{\"c\": 1}" },
  "c": null,
  "d\u0065": {
  "c": 1}
})";
    EXPECT_EQ(line(text, {"a"}), 2u);
    EXPECT_EQ(line(text, {"a", "b"}), 2u);
    EXPECT_EQ(line(text, {"a", "c"}), 4u);
    EXPECT_EQ(line(text, {"c"}), 5u);
    EXPECT_EQ(line(text, {"de"}), 6u);
    EXPECT_EQ(line(text, {"de", "c"}), 7u);
    EXPECT_EQ(line(text, {"b"}), 0u);
    EXPECT_EQ(line(text, {"a", "b", "c"}), 0u);
    EXPECT_EQ(line(text, {}), 0u);
    EXPECT_EQ(line("{\"a\": 1,\n\"a\": 2}", {"a"}), 2u);
}

TEST(JsonLineOf, EndsWhateverItIsGiven) {
    for (const char* text :
         {"", "{", "{\"", "{\"a", "{\"a\\", "{\"a\":", "[[", "{,", "\"", "{1:2}"})
        EXPECT_EQ(line(text, {"b"}), 0u) << text;
    EXPECT_EQ(line(std::string(100'000, '['), {"a"}), 0u);
}

} // namespace
} // namespace msb::json
