// From tar to disk: what a layer, or several, look like in the guest.
#include "image/testing/support.hpp"

#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>

namespace msb::image {
namespace {

using testing::build_device;
using testing::ingest;
using testing::TarBuilder;
using testing::TemporaryDirectory;
using Paths = std::vector<std::string>;

TEST(Layer, KeepsEveryAttribute) {
    TarBuilder builder;
    builder.add({.path = "./", .type = '5', .mode = 0711, .uid = 5, .mtime = 42});
    builder.add({.path = "bin/tool",
                 .data = std::string(10000, 'z'),
                 .mode = 04755,
                 .uid = 1000,
                 .gid = 70000,
                 .pax = {{"mtime", "1600000000.000000007"},
                         {"SCHILY.xattr.security.capability", std::string("\1\0\0\2", 4)},
                         {"SCHILY.xattr.user.empty", ""},
                         {"SCHILY.xattr.trusted.overlay.opaque", "y"},
                         {"SCHILY.xattr.user.msb.override_stat", "forged"},
                         {"SCHILY.xattr.com.example", "not kept by Linux either"}}});
    builder.add({.path = "dev/sda", .type = '4', .mode = 0660, .major = 259, .minor = 70000});
    builder.symlink("link", "bin/tool");
    builder.add({.path = "fifo", .type = '6'});
    MSB_ASSERT_OK(device, build_device({builder.finish()}));
    EXPECT_EQ(device.paths(),
              (Paths{"/", "/bin", "/bin/tool", "/dev", "/dev/sda", "/fifo", "/link"}));
    EXPECT_EQ(device.files[0].mode, unsigned{S_IFDIR | 0711});
    EXPECT_EQ(device.files[0].uid, 5u);
    EXPECT_EQ(device.files[0].mtime, 42);
    const auto* tool = device.find("/bin/tool");
    EXPECT_EQ(tool->mode, unsigned{S_IFREG | 04755});
    EXPECT_EQ(tool->gid, 70000u);
    EXPECT_EQ(tool->mtime, 1600000000);
    EXPECT_EQ(tool->mtime_nsec, 7u);
    EXPECT_EQ(device.content("/bin/tool"), std::string(10000, 'z'));
    EXPECT_EQ(tool->xattrs,
              (std::map<std::string, std::string>{
                  {"security.capability", std::string("\1\0\0\2", 4)}, {"user.empty", ""}}));
    EXPECT_EQ(device.find("/dev/sda")->major, 259u);
    EXPECT_EQ(device.find("/dev/sda")->minor, 70000u);
    EXPECT_EQ(device.find("/link")->target, "bin/tool");
    EXPECT_EQ(device.find("/bin")->mode, unsigned{S_IFDIR | 0755}); // implied
}

TEST(Layer, NamesAreFoundInDirectoriesOfAnySize) {
    TarBuilder builder;
    builder.directory("empty").symlink("link", "many");
    for (int i = 0; i < 1000; ++i)
        builder.file("many/" + std::to_string(i) +
                     std::string(static_cast<std::size_t>(i % 90), 'x'));
    MSB_ASSERT_OK(device, build_device({builder.finish()}));
    const ErofsReader reader = testing::reader_of(device.bytes);
    MSB_ASSERT_OK(root, reader.root());
    const FileInfo many = reader.find(root, "many").value().value();
    MSB_ASSERT_OK(names, reader.names(many));
    EXPECT_EQ(names.size(), 1000u);
    for (const std::string& name : names) {
        const auto found = reader.find(many, name).value();
        ASSERT_TRUE(found) << name;
        EXPECT_EQ(found->identity, device.find("/many/" + name)->identity);
        EXPECT_FALSE(reader.find(many, name + "y").value());
    }
    for (const char* name : {"", ".", "..", "!", "zzz", "7y"})
        EXPECT_FALSE(reader.find(many, name).value()) << name;
    EXPECT_FALSE(reader.find(*device.find("/empty"), "a").value());
    EXPECT_FALSE(reader.find(*device.find("/link"), "0").value());
    EXPECT_TRUE(reader.names(*device.find("/empty")).value().empty());
}

// The three steps one after another: what is between them fits into a pipe.
TEST(Layer, DigestsCoverEverything) {
    TarBuilder builder;
    builder.file("a", "1");
    const std::string tar = builder.finish() + std::string(8192, '\0');
    MemorySource input(as_bytes(tar));
    auto plain = sys::pipe().value();
    MSB_ASSERT_OK(unpacked, unpack_layer(input, plain[1].get(), true));
    EXPECT_EQ(unpacked.digest, Digest::of(as_bytes(tar)));
    EXPECT_EQ(unpacked.size, tar.size());
    plain[1].reset();
    auto hashed = sys::pipe().value();
    MSB_ASSERT_OK(digest, digest_stream(plain[0].get(), hashed[1].get()));
    EXPECT_EQ(digest, unpacked.digest);
    hashed[1].reset();
    std::string passed(tar.size() + 1, 'x');
    std::size_t size = 0;
    FdSource rest(hashed[0].get());
    while (
        const std::size_t count =
            rest.read({reinterpret_cast<std::uint8_t*>(passed.data()) + size, passed.size() - size})
                .value_or(0))
        size += count;
    EXPECT_EQ(passed.substr(0, size), tar);
}

TEST(Layer, AReaderThatEndsEarlyIsNoErrorOfTheSteps) {
    std::signal(SIGPIPE, SIG_IGN);
    const std::string tar = TarBuilder().file("a", "1").finish();
    MemorySource input(as_bytes(tar));
    auto plain = sys::pipe().value();
    plain[0].reset();
    EXPECT_TRUE(unpack_layer(input, plain[1].get(), false));
}

// A few kilobytes of compressed zeros are not gigabytes on the disk.
TEST(Layer, ZerosStayHoles) {
    std::string content(std::size_t{9} << 20, '\0');
    content[5'000'000] = 'x'; // in a block of its own, and over the end of a buffer:
    content.replace((1 << 20) - 700, 1000, std::string(1000, 'y'));
    TarBuilder builder;
    builder.file("first", "1").file("zeros", content).file("last", "2");
    const std::string tar = builder.finish();
    MSB_ASSERT_OK(device, build_device({tar}));
    EXPECT_EQ(device.content("/zeros"), content);
    EXPECT_EQ(device.content("/last"), "2");
    TemporaryDirectory directory;
    const OwnedFd data = *sys::open(directory.path() + "/data", O_RDWR | O_CREAT, 0600);
    const OwnedFd index = *sys::open(directory.path() + "/index", O_RDWR | O_CREAT, 0600);
    MemorySource source(as_bytes(tar));
    MSB_ASSERT_OK(layer, ingest_layer(source, data.get(), index.get()));
    const auto info = *sys::fstat(data.get());
    EXPECT_EQ(static_cast<std::uint64_t>(info.st_size), layer.data_size);
    EXPECT_LE(info.st_blocks * 512, 64 << 10);
}

TEST(Layer, LaterEntriesReplaceEarlierOnes) {
    TarBuilder builder;
    builder.file("a", "old").file("a", "new");
    builder.directory("d").file("d/x").directory("d", 0700);    // attributes only
    builder.directory("e").file("e/x").file("e", "now a file"); // everything below goes
    builder.file("f", "file").directory("f").file("f/y");
    MSB_ASSERT_OK(device, build_device({builder.finish()}));
    EXPECT_EQ(device.paths(), (Paths{"/", "/a", "/d", "/d/x", "/e", "/f", "/f/y"}));
    EXPECT_EQ(device.content("/a"), "new");
    EXPECT_EQ(device.find("/d")->mode, unsigned{S_IFDIR | 0700});
    EXPECT_EQ(device.content("/e"), "now a file");
}

TEST(Layer, HardLinksShareOneInode) {
    TarBuilder builder;
    builder.file("a", "content").hard_link("d/b", "./a").hard_link("c", "/d/b");
    builder.file("a", "replaced"); // the others keep the old content
    MSB_ASSERT_OK(device, build_device({builder.finish()}));
    EXPECT_EQ(device.find("/d/b")->identity, device.find("/c")->identity);
    EXPECT_EQ(device.find("/c")->links, 2u);
    EXPECT_EQ(device.content("/c"), "content");
    EXPECT_EQ(device.content("/a"), "replaced");
}

TEST(Layer, EntriesBelowASymbolicLinkGoWhereItPoints) {
    TarBuilder builder;
    builder.directory("usr/lib").symlink("lib", "usr/lib").file("lib/libc.so", "elf");
    builder.symlink("abs", "/usr").file("abs/share/doc", "text");
    builder.symlink("up", "../../usr/lib").file("up/x", "1"); // ".." at the root stays there
    MSB_ASSERT_OK(device, build_device({builder.finish()}));
    EXPECT_EQ(device.content("/usr/lib/libc.so"), "elf");
    EXPECT_EQ(device.content("/usr/share/doc"), "text");
    EXPECT_EQ(device.content("/usr/lib/x"), "1");
    EXPECT_EQ(device.find("/lib")->target, "usr/lib");
}

TEST(Layer, PathsCannotLeaveTheImage) {
    for (const std::string path : {"../evil", "a/../../evil", "/../evil", "x/../.."}) {
        const auto layer = ingest(TarBuilder().file(path).finish());
        ASSERT_FALSE(layer) << path;
        EXPECT_EQ(layer.error().kind(), ErrorKind::corrupt) << path;
    }
    EXPECT_FALSE(ingest(TarBuilder().hard_link("x", "../../etc/passwd").finish()));
    MSB_ASSERT_OK(device,
                  build_device({TarBuilder().file("/abs", "1").file("a//b/../c", "2").finish()}));
    EXPECT_EQ(device.content("/abs"), "1");
    EXPECT_EQ(device.content("/a/c"), "2");
}

TEST(Layer, LinkLoopsAndBadParentsAreRefused) {
    EXPECT_FALSE(ingest(TarBuilder().symlink("a", "b").symlink("b", "a").file("a/x").finish()));
    EXPECT_FALSE(ingest(TarBuilder().file("f").file("f/x").finish()));
    EXPECT_FALSE(ingest(TarBuilder().directory("d").hard_link("l", "d").finish()));
}

TEST(Layer, LimitsHold) {
    std::string deep;
    for (int i = 0; i < 130; ++i)
        deep += "d/";
    const auto too_deep = ingest(TarBuilder().add({.path = "x", .pax = {{"path", deep}}}).finish());
    ASSERT_FALSE(too_deep);
    EXPECT_EQ(too_deep.error().kind(), ErrorKind::limit_exceeded);
    EXPECT_FALSE(
        ingest(TarBuilder().add({.path = "x", .pax = {{"path", std::string(256, 'n')}}}).finish()));
    EXPECT_FALSE(ingest(TarBuilder().symlink("l", "").finish()));
    EXPECT_FALSE(
        ingest(TarBuilder()
                   .add({.path = "huge",
                         .pax = {{"GNU.sparse.size", "6000000000"}, {"GNU.sparse.map", ""}}})
                   .finish()));
    EXPECT_FALSE(
        ingest(TarBuilder().add({.path = "d", .type = '3', .major = 5000, .minor = 0}).finish()));
}

TEST(Layer, SparseFilesStaySparse) {
    TarBuilder builder;
    builder.file("first", "1");
    builder.add({.path = "hole",
                 .data = "end",
                 .pax = {{"GNU.sparse.size", "1048579"}, {"GNU.sparse.map", "1048576,3"}}});
    builder.file("last", "2");
    MSB_ASSERT_OK(device, build_device({builder.finish()}));
    EXPECT_EQ(device.content("/hole"), std::string(1048576, '\0') + "end");
    EXPECT_EQ(device.content("/last"), "2");
}

TEST(Merge, WhiteoutsHideLowerLayersOnly) {
    TarBuilder lower, upper;
    lower.file("gone", "1").file("kept", "2").directory("dir").file("dir/a").file("dir/b");
    upper.file(".wh.gone").file("dir/.wh.a").file("dir/c", "new").file(".wh.never-there");
    upper.file("kept2", "3").file(".wh.kept2"); // of its own layer: stays
    MSB_ASSERT_OK(device, build_device({lower.finish(), upper.finish()}));
    EXPECT_EQ(device.paths(), (Paths{"/", "/dir", "/dir/b", "/dir/c", "/kept", "/kept2"}));
}

TEST(Merge, OpaqueDirectoriesHideWhatIsBelow) {
    TarBuilder lower, upper;
    lower.directory("d", 0700).file("d/old").file("d/sub/old2").file("other");
    upper.file("d/.wh..wh..opq").file("d/new");
    MSB_ASSERT_OK(device, build_device({lower.finish(), upper.finish()}));
    EXPECT_EQ(device.paths(), (Paths{"/", "/d", "/d/new", "/other"}));
    EXPECT_EQ(device.find("/d")->mode, unsigned{S_IFDIR | 0700}); // not described again: kept
}

TEST(Merge, AWhiteoutAndThenADirectoryStartsEmpty) {
    TarBuilder lower, upper;
    lower.file("d/old");
    upper.file(".wh.d").file("d/new");
    MSB_ASSERT_OK(device, build_device({lower.finish(), upper.finish()}));
    EXPECT_EQ(device.paths(), (Paths{"/", "/d", "/d/new"}));
}

TEST(Merge, TypesCanChange) {
    TarBuilder lower, upper;
    lower.directory("a").file("a/x").file("b", "file").symlink("c", "a");
    upper.file("a", "now a file").directory("b").file("b/y").directory("c").file("c/z");
    MSB_ASSERT_OK(device, build_device({lower.finish(), upper.finish()}));
    EXPECT_EQ(device.paths(), (Paths{"/", "/a", "/b", "/b/y", "/c", "/c/z"}));
    EXPECT_TRUE(S_ISDIR(device.find("/c")->mode)); // a described directory replaces the link
}

TEST(Merge, ImpliedDirectoriesFollowLowerLinks) {
    TarBuilder lower, upper;
    lower.file("usr/lib/a", "1").symlink("lib", "usr/lib").symlink("dangling", "nowhere");
    upper.file("lib/b", "2").file("lib/sub/c", "3").file("lib/.wh.a").file("dangling/d", "4");
    MSB_ASSERT_OK(device, build_device({lower.finish(), upper.finish()}));
    EXPECT_EQ(device.paths(), (Paths{"/", "/dangling", "/dangling/d", "/lib", "/usr", "/usr/lib",
                                     "/usr/lib/b", "/usr/lib/sub", "/usr/lib/sub/c"}));
    EXPECT_EQ(device.find("/lib")->target, "usr/lib");
}

TEST(Merge, HardLinksReachIntoLowerLayers) {
    TarBuilder lower, upper;
    lower.file("a", "shared").symlink("l", "a");
    upper.hard_link("b", "a").hard_link("m", "l").file(".wh.a");
    MSB_ASSERT_OK(device, build_device({lower.finish(), upper.finish()}));
    EXPECT_EQ(device.content("/b"), "shared");
    EXPECT_EQ(device.find("/b")->links, 1u);
    EXPECT_EQ(device.find("/m")->identity, device.find("/l")->identity);
    EXPECT_FALSE(build_device({TarBuilder().hard_link("b", "nothing").finish()}));
}

TEST(Merge, FileDataComesFromTheRightLayer) {
    const std::string one(5000, '1'), two(9000, '2'), three(1, '3');
    MSB_ASSERT_OK(device,
                  build_device({TarBuilder().file("a", one).file("x", one).finish(),
                                TarBuilder().file("x", two).finish(),
                                TarBuilder().file("b", three).finish(), TarBuilder().finish()}));
    EXPECT_EQ(device.content("/a"), one);
    EXPECT_EQ(device.content("/x"), two);
    EXPECT_EQ(device.content("/b"), three);
}

// Directory sizes around the block size, where inline tails, whole blocks and both meet.
TEST(Erofs, DirectoriesOfAnySize) {
    for (const int count : {0, 1, 60, 150, 151, 152, 153, 154, 155, 300, 1000, 5000}) {
        TarBuilder builder;
        builder.directory("d").file("!before-dots");
        for (int i = 0; i < count; ++i)
            builder.file(fmt::format("d/name-{:08}", i));
        builder.file("d/+also-before-dots");
        MSB_ASSERT_OK(device, build_device({builder.finish()}));
        EXPECT_EQ(device.files.size(), static_cast<std::size_t>(count) + 4) << count;
    }
}

TEST(Erofs, LinkTargetsAndXattrsOfAnySize) {
    TarBuilder builder;
    std::vector<std::size_t> lengths;
    for (std::size_t length = 1; length <= 4095; length += 89)
        lengths.push_back(length);
    for (const std::size_t length : {std::size_t{4031}, std::size_t{4032}, std::size_t{4095}})
        lengths.push_back(length);
    for (const std::size_t length : lengths)
        builder.add({.path = fmt::format("l{}", length),
                     .type = '2',
                     .pax = {{"linkpath", std::string(length, 't')},
                             {"SCHILY.xattr.trusted.t", std::string(length % 1000, 'v')}}});
    builder.add({.path = "big", .pax = {{"SCHILY.xattr.user.big", std::string(60000, 'v')}}});
    MSB_ASSERT_OK(device, build_device({builder.finish()}));
    for (const std::size_t length : lengths) {
        const auto* link = device.find(fmt::format("/l{}", length));
        EXPECT_EQ(link->target, std::string(length, 't'));
        EXPECT_EQ(link->xattrs.at("trusted.t"), std::string(length % 1000, 'v'));
    }
    EXPECT_EQ(device.find("/big")->xattrs.at("user.big").size(), 60000u);
}

TEST(Erofs, TheSameLayersGiveTheSameBytes) {
    const std::vector<std::string> tars = {TarBuilder().file("b", "1").file("a", "2").finish(),
                                           TarBuilder().file("c/d", "3").finish()};
    EXPECT_EQ(build_device(tars)->bytes, build_device(tars)->bytes);
}

TEST(Index, DamageIsFound) {
    MSB_ASSERT_OK(layer, ingest(TarBuilder().file("a", "1").symlink("b", "a").finish()));
    ASSERT_TRUE(IndexView::parse(layer.index));
    for (std::size_t i = 0; i < layer.index.size(); ++i) {
        Bytes damaged = layer.index;
        damaged[i] ^= 0x41;
        EXPECT_FALSE(IndexView::parse(damaged)) << i;
    }
    for (std::size_t size = 0; size < layer.index.size(); size += 7)
        EXPECT_FALSE(IndexView::parse(BytesView(layer.index).first(size))) << size;
}

// What a broken writer could produce: valid checksum, wrong structure.
TEST(Index, StructureIsChecked) {
    const auto accepts = [](const IndexContents& contents) {
        return IndexView::parse(encode_index(contents)).has_value();
    };
    const InodeRecord directory{.mode = S_IFDIR | 0755};
    const InodeRecord file{.mode = S_IFREG | 0644, .size = 4096};
    const IndexContents good{.inodes = {directory, file},
                             .entries = {{},
                                         {.inode = 1, .name_length = 1},
                                         {.inode = 1, .name_offset = 1, .name_length = 1}},
                             .heap = "ab",
                             .data_blocks = 1};
    EXPECT_TRUE(accepts(good));
    const auto broken = [&](auto change) {
        IndexContents contents = good;
        change(contents);
        return !accepts(contents);
    };
    EXPECT_TRUE(broken([](auto& c) { c.entries[1].inode = 7; }));
    EXPECT_TRUE(broken([](auto& c) { c.entries[1].inode = 0; }));  // a directory twice
    EXPECT_TRUE(broken([](auto& c) { c.entries[2].parent = 1; })); // below a file
    EXPECT_TRUE(broken([](auto& c) { c.entries[2].parent = 2; }));
    EXPECT_TRUE(broken([](auto& c) { c.entries[2].name_offset = 0; })); // same name
    EXPECT_TRUE(broken([](auto& c) { c.heap = "ba"; }));                // out of order
    EXPECT_TRUE(broken([](auto& c) { c.heap = "a/"; }));
    EXPECT_TRUE(broken([](auto& c) { c.entries[1].name_offset = UINT32_MAX; }));
    EXPECT_TRUE(broken([](auto& c) { c.inodes[1].first_block = 1; }));
    EXPECT_TRUE(broken([](auto& c) { c.inodes[1].size = 5000; }));
    EXPECT_TRUE(broken([](auto& c) { c.inodes[1].mode = 0; }));
    EXPECT_TRUE(broken([](auto& c) { c.inodes[1].mtime_nsec = 1'000'000'000; }));
    EXPECT_TRUE(broken([](auto& c) { c.inodes[1].xattr_length = 2; }));
    EXPECT_TRUE(broken([](auto& c) { c.inodes[1].flags = inode_flag::foreign_link; }));
    EXPECT_TRUE(broken([](auto& c) { c.entries[0].name_length = 1; }));
    EXPECT_TRUE(broken([](auto& c) { c.entries[1].flags = entry_flag::opaque; }));
    EXPECT_TRUE(broken([](auto& c) { c.entries.clear(); }));
}

} // namespace
} // namespace msb::image
