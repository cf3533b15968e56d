#include "base/testing/hex.hpp"
#include "wire/cbor.hpp"

#include <gtest/gtest.h>
#include <limits>

namespace msb::cbor {
namespace {

using msb::testing::from_hex;

std::string written(auto write) {
    Bytes out;
    Writer writer(out);
    write(writer);
    return to_hex(out);
}

// RFC 8949 appendix A.
TEST(CborWriter, ShortestForms) {
    EXPECT_EQ(written([](Writer& w) { w.uint(23); }), "17");
    EXPECT_EQ(written([](Writer& w) { w.uint(24); }), "1818");
    EXPECT_EQ(written([](Writer& w) { w.uint(1000); }), "1903e8");
    EXPECT_EQ(written([](Writer& w) { w.uint(1'000'000); }), "1a000f4240");
    EXPECT_EQ(written([](Writer& w) { w.uint(std::numeric_limits<std::uint64_t>::max()); }),
              "1bffffffffffffffff");
    EXPECT_EQ(written([](Writer& w) { w.integer(-1); }), "20");
    EXPECT_EQ(written([](Writer& w) { w.integer(-1000); }), "3903e7");
    EXPECT_EQ(written([](Writer& w) { w.integer(std::numeric_limits<std::int64_t>::min()); }),
              "3b7fffffffffffffff");
    EXPECT_EQ(written([](Writer& w) { w.text("IETF"); }), "6449455446");
    EXPECT_EQ(written([](Writer& w) { w.bytes(Bytes{1, 2, 3, 4}); }), "4401020304");
    EXPECT_EQ(written([](Writer& w) { w.array(25); }), "9819");
    EXPECT_EQ(written([](Writer& w) { w.boolean(true), w.null(); }), "f5f6");
}

TEST(CborReader, IntegersOfEveryWidthAndRange) {
    EXPECT_EQ(*Reader(from_hex("1b000000e8d4a51000")).uint(), 1'000'000'000'000U);
    EXPECT_EQ(*Reader(from_hex("1800")).uint(), 0U) << "longer forms than needed are accepted";
    EXPECT_EQ(*Reader(from_hex("3863")).integer(), -100);
    EXPECT_EQ(*Reader(from_hex("3b7fffffffffffffff")).integer(),
              std::numeric_limits<std::int64_t>::min());
    EXPECT_FALSE(Reader(from_hex("3b8000000000000000")).integer()) << "below INT64_MIN";
    EXPECT_FALSE(Reader(from_hex("20")).uint());
    EXPECT_FALSE(Reader(from_hex("19")).uint()) << "truncated";
    EXPECT_FALSE(Reader(from_hex("1c00")).uint()) << "reserved length";
    EXPECT_EQ(*Reader(from_hex("c11a514b67b0")).uint(), 1363896240U) << "a tag is ignored";
}

TEST(CborReader, StringsInOneOrManyPieces) {
    Bytes joined;
    EXPECT_EQ(to_hex(*Reader(from_hex("5f42010243030405ff")).bytes(joined)), "0102030405");
    const Bytes whole = from_hex("6161");
    EXPECT_EQ(*Reader(whole).text(joined), "a");
    EXPECT_FALSE(Reader(from_hex("5f4201025f4103ffff")).bytes(joined)) << "nested pieces";
    EXPECT_FALSE(Reader(from_hex("5f6161ff")).bytes(joined)) << "text among bytes";
    EXPECT_FALSE(Reader(from_hex("5bffffffffffffffff00")).bytes(joined)) << "length beyond input";
}

TEST(CborReader, SkipPassesOverAnything) {
    for (const char* item :
         {"00", "fb3ff199999999999a", "f97e00", "9f018202039f0405ffff", "bf61610161629f0203ffff",
          "c074323031332d30332d32315432303a30343a30305a", "f6", "f818"}) {
        const Bytes input = from_hex(std::string(item) + "07");
        Reader reader(input);
        ASSERT_TRUE(reader.skip()) << item;
        EXPECT_EQ(*reader.uint(), 7U) << item;
    }
    EXPECT_FALSE(Reader(from_hex("ff")).skip()) << "a break outside a container";
    EXPECT_FALSE(Reader(from_hex("bf6161ff")).skip()) << "a key without a value";
}

TEST(CborReader, NestingIsBounded) {
    const Bytes deep(4'000'000, 0x81);
    const Status skipped = Reader(deep).skip();
    ASSERT_FALSE(skipped);
    EXPECT_EQ(skipped.error().kind(), ErrorKind::limit_exceeded);
}

} // namespace
} // namespace msb::cbor
