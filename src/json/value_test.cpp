#include "json/value.hpp"

#include <gtest/gtest.h>
#include <limits>

using namespace msb;
using json::Value;

TEST(JsonValue, IsWhatItWasMadeOf) {
    EXPECT_TRUE(Value().is_null());
    EXPECT_TRUE(Value(nullptr).is_null());
    EXPECT_EQ(Value(true).boolean(), true);
    EXPECT_EQ(Value("a").text()->size(), 1U);
    EXPECT_EQ(Value(std::string_view("a")), Value(std::string("a")));
    EXPECT_EQ(Value(1.5).real(), 1.5);
    EXPECT_TRUE(Value(std::optional<int>()).is_null());
    EXPECT_EQ(Value(std::optional(3)), Value(3));
    EXPECT_EQ(Value(std::vector<std::string>{"a", "b"}), json::array({"a", "b"}));
    EXPECT_EQ(Value(std::map<std::string, std::string>{{"a", "b"}}), Value({{"a", "b"}}));
    EXPECT_EQ(json::array(std::vector<bool>{true, false}), json::array({true, false}));
    EXPECT_TRUE(json::or_null("").is_null());
    EXPECT_EQ(json::or_null("a"), Value("a"));
}

TEST(JsonValue, WholeNumbersKeepTheirValue) {
    EXPECT_EQ(Value(std::int64_t{7}), Value(std::uint8_t{7}));
    EXPECT_NE(Value(1), Value(1.0));
    EXPECT_EQ(Value(7).unsigned_integer(), 7U);
    EXPECT_EQ(Value(7).integer(), 7);
    EXPECT_EQ(Value(-7).integer(), -7);
    EXPECT_EQ(Value(-7).unsigned_integer(), std::nullopt);
    constexpr auto most = std::numeric_limits<std::uint64_t>::max();
    EXPECT_EQ(Value(most).unsigned_integer(), most);
    EXPECT_EQ(Value(most).integer(), std::nullopt);
    EXPECT_EQ(Value(true).integer(), std::nullopt);
    EXPECT_EQ(Value(7).real(), std::nullopt);
}

TEST(JsonValue, WhatItIsNotIsEmpty) {
    const Value number = 1;
    EXPECT_EQ(number.boolean(), std::nullopt);
    EXPECT_EQ(number.text(), nullptr);
    EXPECT_TRUE(number.elements().empty());
    EXPECT_TRUE(number.members().empty());
    EXPECT_EQ(number.find("a"), nullptr);
    EXPECT_FALSE(json::array({1}).contains("a"));
}

TEST(JsonValue, Grows) {
    Value document = {{"b", {{"c", json::array()}}}, {"a", nullptr}};
    document["b"]["c"].push_back({{"d", 1}});
    document["a"].push_back(2);
    document["e"]["f"] = "g";
    EXPECT_EQ(document, Value({{"a", json::array({2})},
                               {"b", {{"c", json::array({Value({{"d", 1}})})}}},
                               {"e", {{"f", "g"}}}}));
    EXPECT_EQ(document.find("a")->elements().size(), 1U);
    const Value copy = document;
    document["a"] = nullptr;
    EXPECT_NE(copy, document);
}
