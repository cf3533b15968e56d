#include "json/text.hpp"
#include "json/yaml.hpp"

#include <gtest/gtest.h>

namespace msb::json {
namespace {

std::string read(std::string_view text) {
    const auto value = parse_yaml(text);
    return value ? to_text(*value) : value.error().message();
}

TEST(Yaml, IsReadAsADocument) {
    EXPECT_EQ(read("rules:\n  - allow@a.org:tcp:443 # comment\n  - \"1\"\nsize: 3\nup: true\n"
                   "down: -2\nnone: ~\nempty:\nquoted: 'true'\nlist: []\n"),
              R"({"down":-2,"empty":null,"list":[],"none":null,"quoted":"true",)"
              R"("rules":["allow@a.org:tcp:443","1"],"size":3,"up":true})");
    EXPECT_EQ(read(R"({"a": [1, "b", null]})"), R"({"a":[1,"b",null]})");
    EXPECT_EQ(read(""), "null");
    EXPECT_EQ(read("allow@[2001:db8::/32]"), R"("allow@[2001:db8::/32]")");
    EXPECT_EQ(read("1.5"), R"("1.5")");
}

TEST(Yaml, WhatIsNotWhatItLooksLikeIsRefused) {
    EXPECT_EQ(read("a: &x 1\nb: *x\n").substr(0, 7), "line 1:");
    EXPECT_EQ(read("b:\n- *x\n").substr(0, 7), "line 2:");
    EXPECT_NE(read("a: !!str 1\n").find("tags"), std::string::npos);
    EXPECT_EQ(read("a: 1\na: 2\n"), "line 2: 'a' is there twice");
    EXPECT_EQ(read("a: 1\n---\nb: 2\n"), "line 2: a second document");
    EXPECT_NE(read("? [1]\n: 2\n").find("not text"), std::string::npos);
    EXPECT_NE(read("a: [1\n").find("line "), std::string::npos);
    EXPECT_NE(read(std::string(40, '[') + std::string(40, ']')).find("too deeply"),
              std::string::npos);
    EXPECT_NE(read("\xff\xfe").find("line"), std::string::npos);
}

} // namespace
} // namespace msb::json
