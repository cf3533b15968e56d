#include "agent/boot/trust.hpp"

#include <gtest/gtest.h>

namespace msb::agent {
namespace {

TEST(Trust, ABlockIsReplacedAndNotRepeated) {
    const std::string bundle = "-----BEGIN CERTIFICATE-----\nA\n";
    const std::string once = without_own_block(bundle) + own_block("one");
    EXPECT_EQ(without_own_block(once), bundle);
    const std::string twice = without_own_block(once) + own_block("two\n");
    EXPECT_EQ(twice.find("one"), std::string::npos);
    EXPECT_EQ(without_own_block(twice), bundle);
}

TEST(Trust, WhatStandsBehindABlockStays) {
    EXPECT_EQ(without_own_block("a\n" + own_block("x") + "b\n"), "a\nb\n");
    EXPECT_EQ(without_own_block(own_block("x") + own_block("y")), "");
}

TEST(Trust, ABlockThatWasCutOffGoes) {
    const std::string block = own_block("x");
    EXPECT_EQ(without_own_block("a\n" + block.substr(0, block.size() - 3)), "a\n");
}

TEST(Trust, ABundleEndsItsLastLine) {
    EXPECT_EQ(without_own_block("a"), "a\n");
    EXPECT_EQ(without_own_block(""), "");
}

} // namespace
} // namespace msb::agent
