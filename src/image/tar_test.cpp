#include "image/testing/support.hpp"
#include "tar/tar.hpp"

namespace msb::image {
namespace {

using testing::TarBuilder;

struct ReadEntry {
    TarEntry entry;
    std::string data;
};

Result<std::vector<ReadEntry>> read_all(std::string_view bytes) {
    MemorySource source(as_bytes(bytes));
    TarReader tar(source);
    std::vector<ReadEntry> entries;
    while (auto entry = MSB_TRY(tar.next())) {
        std::string data(entry->size, '\0');
        while (const auto part = MSB_TRY(tar.next_data()))
            data.replace(part->offset, part->bytes.size(), as_text(part->bytes));
        entries.push_back({std::move(*entry), std::move(data)});
    }
    return entries;
}

TEST(Tar, ReadsEveryType) {
    TarBuilder builder;
    builder.directory("d/", 0700).file("d/f", "hello").symlink("d/s", "f").hard_link("d/h", "d/f");
    builder.add({.path = "null", .type = '3', .mode = 0666, .major = 1, .minor = 3});
    builder.add({.path = "sda", .type = '4', .major = 8, .minor = 300});
    builder.add({.path = "pipe", .type = '6'});
    MSB_ASSERT_OK(entries, read_all(builder.finish()));
    ASSERT_EQ(entries.size(), 7u);
    EXPECT_EQ(entries[0].entry.type, TarType::directory);
    EXPECT_EQ(entries[0].entry.mode, 0700u);
    EXPECT_EQ(entries[1].data, "hello");
    EXPECT_EQ(entries[2].entry.link, "f");
    EXPECT_EQ(entries[3].entry.type, TarType::hard_link);
    EXPECT_EQ(entries[4].entry.device_minor, 3u);
    EXPECT_EQ(entries[5].entry.device_minor, 300u);
    EXPECT_EQ(entries[6].entry.type, TarType::fifo);
}

TEST(Tar, PaxOverridesTheHeader) {
    const std::string long_path = std::string(200, 'p') + "/" + std::string(200, 'q');
    TarBuilder builder;
    builder.add({.path = "short",
                 .data = "x",
                 .pax = {{"path", long_path},
                         {"uid", "3000000"},
                         {"mtime", "1700000001.123456789123"},
                         {"SCHILY.xattr.user.note", "line\nbreak"}}});
    MSB_ASSERT_OK(entries, read_all(builder.finish()));
    ASSERT_EQ(entries.size(), 1u);
    EXPECT_EQ(entries[0].entry.path, long_path);
    EXPECT_EQ(entries[0].entry.uid, 3000000u);
    EXPECT_EQ(entries[0].entry.mtime, 1700000001);
    EXPECT_EQ(entries[0].entry.mtime_nsec, 123456789u);
    EXPECT_EQ(entries[0].entry.xattrs.at("user.note"), "line\nbreak");
}

// The reason for a reader of our own: these bytes must come out as they went in.
TEST(Tar, NamesStayBytes) {
    const std::string decomposed = "e\xcc\x81", invalid = "bad\xff\xfe";
    TarBuilder builder;
    builder.add({.path = "x", .pax = {{"path", decomposed}}}).file(invalid);
    builder.add({.path = "l", .type = '2', .link = "y", .pax = {{"linkpath", decomposed}}});
    MSB_ASSERT_OK(entries, read_all(builder.finish()));
    EXPECT_EQ(entries[0].entry.path, decomposed);
    EXPECT_EQ(entries[1].entry.path, invalid);
    EXPECT_EQ(entries[2].entry.link, decomposed);
}

TEST(Tar, GnuLongNames) {
    const std::string path(300, 'n'), target(300, 't');
    TarBuilder builder;
    builder.add({.path = "././@LongLink", .type = 'L', .data = path + std::string(1, '\0')});
    builder.add({.path = "././@LongLink", .type = 'K', .data = target + std::string(1, '\0')});
    builder.symlink("cut", "cut");
    MSB_ASSERT_OK(entries, read_all(builder.finish()));
    ASSERT_EQ(entries.size(), 1u);
    EXPECT_EQ(entries[0].entry.path, path);
    EXPECT_EQ(entries[0].entry.link, target);
}

TEST(Tar, SparseFilesOfEachPaxVersion) {
    const std::string expected = std::string(4096, '\0') + "data" + std::string(4092, '\0');
    TarBuilder builder;
    builder.add({.path = "v00",
                 .data = "data",
                 .pax = {{"GNU.sparse.size", "8192"},
                         {"GNU.sparse.numblocks", "1"},
                         {"GNU.sparse.offset", "4096"},
                         {"GNU.sparse.numbytes", "4"}}});
    builder.add({.path = "GNUSparseFile.0/v01",
                 .data = "data",
                 .pax = {{"GNU.sparse.size", "8192"},
                         {"GNU.sparse.name", "v01"},
                         {"GNU.sparse.map", "4096,4"}}});
    std::string map = "1\n4096\n4\n";
    map.resize(512);
    builder.add({.path = "GNUSparseFile.0/v10",
                 .data = map + "data",
                 .pax = {{"GNU.sparse.major", "1"},
                         {"GNU.sparse.minor", "0"},
                         {"GNU.sparse.name", "v10"},
                         {"GNU.sparse.realsize", "8192"}}});
    builder.file("after", "x");
    MSB_ASSERT_OK(entries, read_all(builder.finish()));
    ASSERT_EQ(entries.size(), 4u);
    for (std::size_t i = 0; i < 3; ++i)
        EXPECT_EQ(entries[i].data, expected) << entries[i].entry.path;
    EXPECT_EQ(entries[2].entry.path, "v10");
    EXPECT_EQ(entries[3].data, "x");
}

TEST(Tar, EndsWithZeroBlocksOrWithTheStream) {
    TarBuilder builder;
    builder.file("a", "1");
    EXPECT_EQ(read_all(builder.bytes())->size(), 1u);
    EXPECT_EQ(read_all(builder.finish() + "whatever")->size(), 1u);
    EXPECT_EQ(read_all("")->size(), 0u);
}

TEST(Tar, AcceptsAMissingEnd) {
    TarBuilder builder;
    builder.file("a", std::string(700, 'x'));
    const std::string whole = builder.bytes();
    EXPECT_EQ(read_all(std::string_view(whole).substr(0, 512 + 700))->size(), 1u);
    EXPECT_FALSE(read_all(std::string_view(whole).substr(0, 512 + 699)));
}

TEST(Tar, RefusesDamage) {
    TarBuilder builder;
    builder.file("a", std::string(2000, 'x'));
    const std::string good = builder.bytes();
    for (const std::size_t length : {std::size_t{100}, std::size_t{512}, std::size_t{1500}}) {
        const auto truncated = read_all(std::string_view(good).substr(0, length));
        ASSERT_FALSE(truncated) << length;
        EXPECT_EQ(truncated.error().kind(), ErrorKind::corrupt);
    }
    std::string flipped = good;
    flipped[3] ^= 1;
    EXPECT_FALSE(read_all(flipped));
    const auto bad = [](const testing::TarItem& item) {
        return !read_all(TarBuilder().add(item).finish());
    };
    EXPECT_TRUE(bad({.path = "x", .type = 'Z'}));
    EXPECT_TRUE(bad({.path = "x", .pax = {{"size", "-1"}}}));
    EXPECT_TRUE(bad({.path = "x", .pax = {{"size", "99999999999999999999"}}}));
    EXPECT_TRUE(bad({.path = "x", .pax = {{"mtime", "never"}}}));
    EXPECT_TRUE(bad({.path = "x", .pax = {{"path", std::string("a\0b", 3)}}}));
    EXPECT_TRUE(bad({.path = "x", .pax = {{"path", std::string(5000, 'a')}}}));
    EXPECT_TRUE(bad({.path = "x", .type = 'x', .data = "99 path=x\n"}));
    EXPECT_TRUE(bad({.path = "x", .pax = {{"GNU.sparse.size", "10"}, {"GNU.sparse.map", "0,20"}}}));
}

TEST(Tar, PaxTimes) {
    using Time = std::pair<std::int64_t, std::uint32_t>;
    EXPECT_EQ(parse_pax_time("0"), Time(0, 0));
    EXPECT_EQ(parse_pax_time("12.5"), Time(12, 500'000'000));
    EXPECT_EQ(parse_pax_time("-1.5"), Time(-2, 500'000'000));
    EXPECT_EQ(parse_pax_time("-3"), Time(-3, 0));
    EXPECT_FALSE(parse_pax_time("1e5"));
    EXPECT_FALSE(parse_pax_time(""));
    EXPECT_FALSE(parse_pax_time("1.x"));
}

} // namespace
} // namespace msb::image
