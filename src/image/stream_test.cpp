#include "image/stream.hpp"
#include "image/testing/support.hpp"

#include <zlib.h>
#include <zstd.h>

namespace msb::image {
namespace {

std::string sample() {
    std::string text;
    for (int i = 0; i < 200000; ++i)
        text += std::to_string(i * 7919 % 10007);
    return text;
}

std::string gzip(const std::string& text) {
    z_stream stream{};
    deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(deflateBound(&stream, text.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::string zstd(const std::string& text) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
    return out;
}

/// Gives one byte, then two, ...: every boundary falls everywhere.
class SlowSource : public Source {
  public:
    explicit SlowSource(std::string data) : data_(std::move(data)) {}
    Result<std::size_t> read(MutableBytesView buffer) override {
        const std::size_t count =
            std::min({buffer.size(), data_.size() - at_, step_ = step_ % 1000 + 1});
        std::copy_n(data_.begin() + static_cast<std::ptrdiff_t>(at_), count, buffer.begin());
        at_ += count;
        return count;
    }

  private:
    std::string data_;
    std::size_t at_ = 0;
    std::size_t step_ = 0;
};

Result<std::string> unpack(const std::string& packed) {
    SlowSource source(packed);
    const auto stream = MSB_TRY(decompress(source));
    std::string out;
    Bytes buffer(10007);
    while (const std::size_t count = MSB_TRY(stream->read(buffer)))
        out += as_text(BytesView(buffer).first(count));
    return out;
}

TEST(Decompress, RecognisesEachFormat) {
    const std::string text = sample();
    EXPECT_EQ(*unpack(text), text);
    EXPECT_EQ(*unpack(gzip(text)), text);
    EXPECT_EQ(*unpack(zstd(text)), text);
    EXPECT_EQ(*unpack(""), "");
    EXPECT_EQ(*unpack(gzip("")), "");
    EXPECT_EQ(unpack("BZh91AY").error().kind(), ErrorKind::unsupported);
    EXPECT_EQ(unpack("\xfd"
                     "7zXZ" +
                     std::string(10, '\0'))
                  .error()
                  .kind(),
              ErrorKind::unsupported);
}

TEST(Decompress, ReadsSeveralMembers) {
    const std::string skippable("\x50\x2a\x4d\x18\x03\x00\x00\x00"
                                "abc",
                                11);
    EXPECT_EQ(*unpack(gzip("one") + gzip("two") + std::string(100, '\0')), "onetwo");
    EXPECT_EQ(*unpack(skippable + zstd("one") + zstd("two") + skippable), "onetwo");
}

TEST(Decompress, FindsDamage) {
    for (const auto& pack : {gzip, zstd}) {
        const std::string packed = pack(sample());
        for (const std::size_t size : {std::size_t{7}, packed.size() / 2, packed.size() - 1}) {
            const auto cut = unpack(packed.substr(0, size));
            ASSERT_FALSE(cut) << size;
            EXPECT_EQ(cut.error().kind(), ErrorKind::corrupt);
        }
        EXPECT_FALSE(unpack(packed + "garbage"));
    }
    std::string wrong_sum = gzip(sample());
    wrong_sum[wrong_sum.size() - 6] ^= 1;
    EXPECT_FALSE(unpack(wrong_sum));
}

TEST(LimitedSource, StopsAtItsLimit) {
    MemorySource inner(as_bytes("123456"));
    LimitedSource source(inner, 5, "the test");
    EXPECT_EQ(drain(source).error().kind(), ErrorKind::limit_exceeded);
}

} // namespace
} // namespace msb::image
