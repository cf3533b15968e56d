#include "json/text.hpp"

#include <gtest/gtest.h>
#include <limits>

using namespace msb;

namespace {

std::string again(std::string_view text) {
    const auto value = json::parse(text);
    return value ? json::to_text(*value) : "error: " + value.error().to_string();
}

} // namespace

// Files and answers that exist must not change: each of these is what nlohmann's own classes wrote.
TEST(JsonText, IsWrittenAsEver) {
    using json::Value;
    const std::pair<Value, std::string_view> all[] = {
        {nullptr, "null"},
        {true, "true"},
        {0, "0"},
        {-1, "-1"},
        {std::numeric_limits<std::int64_t>::min(), "-9223372036854775808"},
        {std::numeric_limits<std::uint64_t>::max(), "18446744073709551615"},
        {std::uint16_t{65535}, "65535"},
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {1.0, "1.0"},
        {0.1, "0.1"},
        {1e15, "1e+15"},
        {123456789012345.0, "123456789012345.0"},
        {1e-7, "1e-07"},
        {5e-324, "5e-324"},
        {std::numeric_limits<double>::max(), "1.7976931348623157e+308"},
        {std::numeric_limits<double>::infinity(), "null"},
        {std::numeric_limits<double>::quiet_NaN(), "null"},
        {"", R"("")"},
        {"a\"b\\c/d", R"("a\"b\\c/d")"},
        {"\b\f\n\r\t", R"("\b\f\n\r\t")"},
        {std::string("\0\x01\x1f\x7f", 4), "\"\\u0000\\u0001\\u001f\x7f\""},
        {"ä€𝄞\u2028", "\"ä€𝄞\u2028\""},
        {json::array(), "[]"},
        {json::object(), "{}"},
        {json::array({1, "a", nullptr}), R"([1,"a",null])"},
        {{{"b", 1}, {"a", 2}, {"B", 3}, {"", 4}}, R"({"":4,"B":3,"a":2,"b":1})"},
        {{{"a", 1}, {"a", 2}}, R"({"a":2})"},
    };
    for (const auto& [value, text] : all)
        EXPECT_EQ(json::to_text(value), text);
}

TEST(JsonText, IsIndented) {
    const json::Value value = {{"list", json::array({1, json::array(), json::object()})},
                               {"object", {{"key", nullptr}}}};
    EXPECT_EQ(json::to_text(value, 2), R"({
  "list": [
    1,
    [],
    {}
  ],
  "object": {
    "key": null
  }
})");
    EXPECT_EQ(json::to_text(value, 1), "{\n \"list\": [\n  1,\n  [],\n  {}\n ],\n \"object\": {\n"
                                       "  \"key\": null\n }\n}");
}

TEST(JsonText, OtherBytesThanUtf8AreReplaced) {
    const std::pair<std::string_view, std::string_view> all[] = {
        {"a\xff"
         "b",
         "\"a\ufffdb\""},
        {"\xc3", "\"\ufffd\""},     // cut off
        {"\xe2\x82", "\"\ufffd\""}, // the same, once for what there is of it
        {"\xe2\x82x", "\"\ufffdx\""},
        {"\xc0\xaf", "\"\ufffd\ufffd\""},           // overlong
        {"\xed\xa0\x80", "\"\ufffd\ufffd\ufffd\""}, // a surrogate
        {"\xf4\x90\x80\x80", "\"\ufffd\ufffd\ufffd\ufffd\""},
    };
    for (const auto& [bytes, text] : all)
        EXPECT_EQ(json::to_text(bytes), text);
    EXPECT_EQ(json::to_text({{"\xff", 1}}), "{\"\ufffd\":1}");
}

TEST(JsonText, IsReadAsItStands) {
    for (const std::string_view text :
         {"null", "false", "18446744073709551615", "-9223372036854775808", "1.5", "-0.0", "[]",
          R"({"a":[1,{"b":"c"}]})", R"("\u0000\n")"})
        EXPECT_EQ(again(text), text);
    EXPECT_EQ(again(" [ 1 , 2 ]\n"), "[1,2]");
    EXPECT_EQ(again("-0"), "0");
    EXPECT_EQ(again("18446744073709551616"), "1.8446744073709552e+19"); // beyond 64 bits
    EXPECT_EQ(again("1e2"), "100.0");
    EXPECT_EQ(again(R"("\u00e4\ud834\udd1e\/")"), "\"ä𝄞/\"");
    EXPECT_EQ(again(R"({"a":1,"b":2,"a":3})"), R"({"a":3,"b":2})");
    EXPECT_EQ(again("\xef\xbb\xbf"
                    "1"),
              "1"); // a byte order mark
}

TEST(JsonText, WhatIsNoJsonIsRefused) {
    for (const std::string_view text :
         {"",       " ",       "nul",         "tru",         "+1",         "01",           "1.",
          ".5",     "1e",      "0x1",         "NaN",         "1e999",      "'a'",          "\"a",
          "\"\n\"", R"("\x")", R"("\ud834")", R"("\udd1e")", "\"\xff\"",   "\"\xc0\xaf\"", "[1,]",
          "[1 2]",  "[",       "]",           "{\"a\"}",     "{\"a\":1,}", "{a:1}",        "{1:1}",
          "1 2",    "[]]",     "// x\n1"})
        EXPECT_FALSE(json::parse(text)) << text;
    EXPECT_EQ(json::parse("{\"a\":").error().to_string(), "not JSON, at byte 6");
    EXPECT_EQ(json::parse("x").error().kind(), ErrorKind::corrupt);
}

TEST(JsonText, DepthAndCountAreBounded) {
    const auto nested = [](std::size_t depth) {
        return std::string(depth, '[') + std::string(depth, ']');
    };
    EXPECT_EQ(again(nested(json::max_depth)), nested(json::max_depth));
    EXPECT_EQ(again(nested(json::max_depth + 1)), "error: nested too deeply");
    EXPECT_EQ(again(std::string(5'000'000, '[')), "error: nested too deeply");
    std::string objects;
    for (std::size_t i = 0; i <= json::max_depth; ++i)
        objects += "{\"a\":";
    EXPECT_EQ(again(objects), "error: nested too deeply");
    EXPECT_EQ(again("\"" + std::string(100, '[') + "\""), "\"" + std::string(100, '[') + "\"");

    std::string many = "[0";
    for (std::size_t i = 0; i < json::max_values; ++i)
        many += ",0";
    EXPECT_EQ(again(many + "]"), "error: more than a million values");
}
