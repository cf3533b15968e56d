#include "base/out_buffer.hpp"

#include <gtest/gtest.h>

namespace msb {
namespace {

std::string text(const OutBuffer& buffer) {
    return std::string(as_text(buffer.view()));
}

TEST(OutBuffer, GivesBytesInTheOrderTheyCame) {
    OutBuffer buffer;
    EXPECT_TRUE(buffer.empty());
    buffer.append(as_bytes("abc"));
    buffer.consume(1);
    buffer.append(as_bytes("def"));
    EXPECT_EQ(text(buffer), "bcdef");
    EXPECT_EQ(buffer.size(), 5u);
    buffer.consume(4); // more than half: what is left moves to the front
    EXPECT_EQ(text(buffer), "f");
    buffer.append(as_bytes("g"));
    EXPECT_EQ(text(buffer), "fg");
    buffer.consume(2);
    EXPECT_TRUE(buffer.empty());
}

TEST(OutBuffer, EncodersAppendAtTheTail) {
    OutBuffer buffer;
    buffer.append(as_bytes("ab"));
    buffer.consume(1);
    buffer.tail().push_back('c');
    EXPECT_EQ(text(buffer), "bc");
}

TEST(OutBuffer, ForgetsEverything) {
    OutBuffer buffer;
    buffer.append(as_bytes("ab"));
    buffer.consume(1);
    buffer.clear();
    EXPECT_TRUE(buffer.empty());
    buffer.append(as_bytes("c"));
    EXPECT_EQ(text(buffer), "c");
}

} // namespace
} // namespace msb
