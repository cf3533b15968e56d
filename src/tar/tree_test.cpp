// Trees there and back, and archives that want to get out.
#include "base/file.hpp"
#include "base/system.hpp"
#include "tar/extract.hpp"
#include "tar/links.hpp"
#include "tar/tar_writer.hpp"

#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace msb {
namespace {

class MemorySink : public Sink {
  public:
    Status write(BytesView data) override {
        bytes.insert(bytes.end(), data.begin(), data.end());
        return {};
    }
    Bytes bytes;
};

class ViewSource : public Source {
  public:
    explicit ViewSource(BytesView data, std::size_t step = 1000) : data_(data), step_(step) {}
    Result<std::size_t> read(MutableBytesView buffer) override {
        const std::size_t count = std::min({buffer.size(), data_.size(), step_});
        std::copy_n(data_.begin(), count, buffer.begin());
        data_ = data_.subspan(count);
        return count;
    }

  private:
    BytesView data_;
    std::size_t step_;
};

class Tree : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = ::testing::TempDir() + "msb-tree-XXXXXX";
        root_ = ::mkdtemp(pattern.data());
        ASSERT_EQ(::mkdir(at("from").c_str(), 0755), 0);
        ASSERT_EQ(::mkdir(at("to").c_str(), 0755), 0);
    }
    void TearDown() override { (void)remove_tree(root_); }

    std::string at(const std::string& name) const { return root_ + "/" + name; }
    void put(const std::string& name, const std::string& text, mode_t mode = 0644) {
        ASSERT_TRUE(write_file_atomic(at(name), text, mode, false));
        ASSERT_EQ(::chmod(at(name).c_str(), mode), 0);
    }
    std::string get(const std::string& name) const {
        const auto text = read_file(at(name));
        return text ? *text : "error: " + text.error().to_string();
    }
    Result<Bytes> pack(const std::string& name, const std::string& as = "t") const {
        MemorySink sink;
        TreeProgress progress;
        MSB_TRY(pack_tree(at(name), {.name = as, .own_xattrs = own_xattrs_}, sink, progress));
        return std::move(sink.bytes);
    }
    Status extract(BytesView archive, const ExtractOptions& options = {},
                   std::size_t step = 1000) const {
        const OwnedFd to = MSB_TRY(sys::open(at("to"), O_RDONLY | O_DIRECTORY));
        ViewSource source(archive, step);
        TreeProgress progress;
        return extract_tree(to.get(), options, source, progress);
    }
    /// One entry, made by hand.
    static Bytes archive(const std::vector<std::pair<TarEntry, std::string>>& entries) {
        MemorySink sink;
        TarWriter writer(sink);
        for (auto [entry, data] : entries) {
            entry.size = data.size();
            if (!data.empty())
                entry.extents = {{0, data.size()}};
            EXPECT_TRUE(writer.begin(entry));
            EXPECT_TRUE(writer.data(as_bytes(data)));
        }
        EXPECT_TRUE(writer.finish());
        return sink.bytes;
    }
    static TarEntry entry(TarType type, const std::string& path, const std::string& link = "") {
        TarEntry entry;
        entry.type = type;
        entry.path = path;
        entry.link = link;
        entry.mode = 0755;
        return entry;
    }
    std::vector<std::string> left_over() const {
        std::vector<std::string> names;
        const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(at("to").c_str()), ::closedir);
        while (const dirent* item = ::readdir(dir.get()))
            if (std::string_view(item->d_name).starts_with(".msb-copy-"))
                names.emplace_back(item->d_name);
        return names;
    }

    std::string root_;
    bool own_xattrs_ = false; ///< of pack()
};

TEST_F(Tree, KeepsWhatATreeHas) {
    const std::string long_name(200, 'n');
    put("from/plain", "hello", 0640);
    put("from/" + long_name, std::string(300'000, 'x'), 0755);
    put("from/\xff not utf-8\n", "odd");
    put("from/empty", "");
    ASSERT_EQ(::mkdir(at("from/dir").c_str(), 0700), 0);
    put("from/dir/inner", "in");
    ASSERT_EQ(::link(at("from/plain").c_str(), at("from/dir/same").c_str()), 0);
    ASSERT_EQ(::symlink("../plain", at("from/dir/link").c_str()), 0);
    const bool xattrs = ::setxattr(at("from/plain").c_str(), "user.note", "a\0b", 3, 0) == 0;
    const timespec times[2] = {{1, 2}, {1'234'567'890, 123'456'789}};
    ASSERT_EQ(::utimensat(AT_FDCWD, at("from/plain").c_str(), times, 0), 0);
    ASSERT_EQ(::utimensat(AT_FDCWD, at("from/dir").c_str(), times, 0), 0);
    const std::string link = at("from/dir/link");
    ASSERT_EQ(::utimensat(AT_FDCWD, link.c_str(), times, AT_SYMLINK_NOFOLLOW), 0);

    const auto packed = pack("from");
    ASSERT_TRUE(packed) << packed.error().to_string();
    const Status extracted = extract(*packed, {.only = "t"});
    ASSERT_TRUE(extracted) << extracted.error().to_string();
    for (const char* name : {"to/t/plain", "to/t/dir", "to/t/dir/link"}) { // not looked into yet
        const auto accessed = sys::lstat(at(name))->st_atim;
        EXPECT_EQ(accessed.tv_sec, 1) << name;
        EXPECT_EQ(accessed.tv_nsec, 2) << name;
    }
    EXPECT_EQ(get("to/t/plain"), "hello");
    EXPECT_EQ(get("to/t/" + long_name).size(), 300'000U);
    EXPECT_EQ(get("to/t/\xff not utf-8\n"), "odd");
    EXPECT_EQ(get("to/t/empty"), "");
    EXPECT_EQ(get("to/t/dir/inner"), "in");
    const auto plain = *sys::stat(at("to/t/plain"));
    EXPECT_EQ(plain.st_mode & 07777U, 0640U);
    EXPECT_EQ(plain.st_nlink, 2U);
    EXPECT_EQ(plain.st_mtim.tv_sec, 1'234'567'890);
    EXPECT_EQ(plain.st_mtim.tv_nsec, 123'456'789);
    EXPECT_EQ(plain.st_ino, sys::stat(at("to/t/dir/same"))->st_ino);
    EXPECT_EQ(sys::stat(at("to/t/dir"))->st_mode & 07777U, 0700U);
    EXPECT_EQ(sys::stat(at("to/t/dir"))->st_mtim.tv_nsec, 123'456'789);
    EXPECT_TRUE(S_ISLNK(sys::lstat(at("to/t/dir/link"))->st_mode));
    if (xattrs) {
        char value[8];
        EXPECT_EQ(::getxattr(at("to/t/plain").c_str(), "user.note", value, 8), 3);
    }
    EXPECT_TRUE(left_over().empty());
}

TEST_F(Tree, HolesStayHoles) {
    {
        const auto fd = *sys::open(at("from/sparse"), O_WRONLY | O_CREAT);
        ASSERT_TRUE(sys::truncate(fd.get(), 64 << 20));
        ASSERT_TRUE(sys::pwrite_all(fd.get(), as_bytes("middle"), 10 << 20));
        const auto hollow = *sys::open(at("from/hollow"), O_WRONLY | O_CREAT);
        ASSERT_TRUE(sys::truncate(hollow.get(), 1 << 20));
    }
    const auto packed = pack("from");
    ASSERT_TRUE(packed);
    EXPECT_LT(packed->size(), 200'000U);
    ASSERT_TRUE(extract(*packed, {}, 77));
    const auto info = *sys::stat(at("to/t/sparse"));
    EXPECT_EQ(info.st_size, 64 << 20);
    EXPECT_LT(info.st_blocks, 2048);
    EXPECT_EQ(sys::stat(at("to/t/hollow"))->st_size, 1 << 20);
    Bytes middle(6);
    ASSERT_TRUE(sys::pread_all(sys::open(at("to/t/sparse"), O_RDONLY)->get(), middle, 10 << 20));
    EXPECT_EQ(as_text(middle), "middle");
}

TEST_F(Tree, MergesAndReplaces) {
    put("from/new", "1");
    put("from/old", "2");
    ASSERT_EQ(::mkdir(at("to/t").c_str(), 0711), 0);
    put("to/t/old", "before");
    put("to/t/other", "stays");
    const auto packed = pack("from");
    EXPECT_FALSE(extract(*packed, {.overwrite = false}));
    EXPECT_EQ(get("to/t/old"), "before");
    ASSERT_TRUE(extract(*packed));
    EXPECT_EQ(get("to/t/new") + get("to/t/old") + get("to/t/other"), "12stays");
    EXPECT_EQ(sys::stat(at("to/t"))->st_mode & 07777U, 0711U) << "an existing directory keeps its";
    EXPECT_TRUE(left_over().empty());
}

TEST_F(Tree, NothingGetsOut) {
    ASSERT_EQ(::mkdir(at("outside").c_str(), 0755), 0);
    put("outside/victim", "safe");
    ASSERT_EQ(::symlink("../outside", at("to/exit").c_str()), 0);
    const std::vector<Bytes> archives = {
        archive({{entry(TarType::file, "../outside/victim"), "bad"}}),
        archive({{entry(TarType::file, "t/../../outside/victim"), "bad"}}),
        archive({{entry(TarType::file, "exit/victim"), "bad"}}),
        archive({{entry(TarType::symlink, "t/l", at("outside")), ""},
                 {entry(TarType::file, "t/l/victim"), "bad"}}),
        archive({{entry(TarType::symlink, "t/l", "../../outside/victim"), ""},
                 {entry(TarType::hard_link, "t/h", "t/l/victim"), ""}}),
        archive({{entry(TarType::hard_link, "t/h", "exit/victim"), ""},
                 {entry(TarType::file, "t/h"), "bad"}}),
        archive({{entry(TarType::hard_link, "t/h", "../outside/victim"), ""}}),
        archive({{entry(TarType::character_device, "t/null"), ""}}),
        archive({{entry(TarType::fifo, "t/fifo"), ""}}),
        archive({{entry(TarType::file, "exit"), "a file"}, {entry(TarType::file, "exit/a"), ""}}),
    };
    for (std::size_t i = 0; i < archives.size(); ++i) {
        EXPECT_FALSE(extract(archives[i])) << i;
        EXPECT_EQ(get("outside/victim"), "safe") << i;
        EXPECT_TRUE(left_over().empty()) << i;
        EXPECT_FALSE(exists(at("to/t"))) << i << ": a directory of a failed copy";
    }
    // An absolute name is taken from where the archive is unpacked.
    ASSERT_TRUE(extract(archive({{entry(TarType::file, "/abs/file"), "in"}})));
    EXPECT_EQ(get("to/abs/file"), "in");
    EXPECT_FALSE(extract(archive({{entry(TarType::file, "other"), "x"}}), {.only = "t"}));
}

// At its own place the link stays in the tree; under a second name, less deep, it would not.
TEST_F(Tree, SecondNamesOfSymbolicLinksAreRefused) {
    put("victim", "safe");
    const auto deep = entry(TarType::symlink, "t/a/b/s", "../../victim");
    const auto second = entry(TarType::hard_link, "t/s", "t/a/b/s");
    const ExtractOptions confined{.only = "t", .links = LinkPolicy::confine, .origin = "/t"};
    const Status refused = extract(archive({{deep, ""}, {second, ""}}), confined);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), ErrorKind::permission_denied);
    EXPECT_FALSE(exists(at("to/t")));
    // A link that was there before is nobody's to name again either.
    ASSERT_TRUE(make_directories(at("to/t/a")));
    ASSERT_EQ(::symlink("../../../victim", at("to/t/a/own").c_str()), 0);
    EXPECT_FALSE(extract(archive({{entry(TarType::hard_link, "t/s", "t/a/own"), ""}}), confined));
    EXPECT_EQ(::access(at("to/t/s").c_str(), F_OK), -1);
    EXPECT_TRUE(left_over().empty());
    EXPECT_TRUE(extract(archive({{entry(TarType::file, "t/one"), "x"},
                                 {entry(TarType::hard_link, "t/a/two", "t/one"), ""}}),
                        confined));
    EXPECT_EQ(get("to/t/a/two"), "x");
    EXPECT_TRUE(extract(archive({{deep, ""}, {second, ""}}))) << "links as they are";
}

// What makes a set-user-id file of a share comes from no archive, and goes into none.
TEST_F(Tree, OwnAttributesAreNotCopied) {
    const auto has = [&](const char* name, const char* attribute) {
        return ::getxattr(at(name).c_str(), attribute, nullptr, 0) >= 0;
    };
    TarEntry file = entry(TarType::file, "f");
    file.xattrs = {{"user.msb.override_stat", "forged"}, {"user.msb.later", ""}, {"user.n", "1"}};
    ASSERT_TRUE(extract(archive({{file, "x"}}), {.owners = true, .own_xattrs = true}));
    if (!has("to/f", "user.n"))
        GTEST_SKIP() << "a file system without extended attributes";
    EXPECT_TRUE(has("to/f", "user.msb.override_stat"));
    const auto plain = pack("to/f");
    own_xattrs_ = true;
    const auto whole = pack("to/f");
    ASSERT_TRUE(plain && whole);
    EXPECT_EQ(as_text(*plain).find("user.msb."), std::string_view::npos);
    EXPECT_NE(as_text(*whole).find("user.msb.override_stat"), std::string_view::npos);
    for (const bool owners : {false, true}) {
        ASSERT_TRUE(extract(*whole, {.owners = owners}));
        EXPECT_TRUE(has("to/t", "user.n"));
        EXPECT_FALSE(has("to/t", "user.msb.override_stat"));
        EXPECT_FALSE(has("to/t", "user.msb.later"));
    }
}

TEST_F(Tree, WithoutOwnersNoSetuid) {
    TarEntry file = entry(TarType::file, "s");
    file.mode = 06755;
    file.uid = 4'000'000'000;
    ASSERT_TRUE(extract(archive({{file, "x"}})));
    EXPECT_EQ(sys::stat(at("to/s"))->st_mode & 07777U, 0755U);
    EXPECT_EQ(sys::stat(at("to/s"))->st_uid, ::getuid());
    if (::getuid() != 0)
        return;
    ASSERT_TRUE(extract(archive({{file, "x"}}), {.owners = true}));
    EXPECT_EQ(sys::stat(at("to/s"))->st_mode & 07777U, 06755U);
    EXPECT_EQ(sys::stat(at("to/s"))->st_uid, 4'000'000'000U);
}

TEST_F(Tree, AFailureLeavesNothing) {
    put("from/a", std::string(100'000, 'a'));
    put("from/b", std::string(100'000, 'b'));
    const auto packed = pack("from");
    for (const std::size_t size : {100UL, 700UL, 60'000UL, 150'000UL}) {
        EXPECT_FALSE(extract(BytesView(*packed).first(size))) << size;
        EXPECT_TRUE(left_over().empty()) << size;
        EXPECT_FALSE(exists(at("to/t"))) << size;
    }
}

TEST_F(Tree, DevicesAndDirectoriesAreNotReplaced) {
    ASSERT_EQ(::mkfifo(at("to/fifo").c_str(), 0600), 0);
    ASSERT_EQ(::mkdir(at("to/dir").c_str(), 0700), 0);
    put("to/file", "text");
    EXPECT_FALSE(extract(archive({{entry(TarType::file, "fifo"), "x"}})));
    EXPECT_FALSE(extract(archive({{entry(TarType::file, "dir"), "x"}})));
    EXPECT_FALSE(extract(archive({{entry(TarType::directory, "file/"), ""}})));
    EXPECT_EQ(get("to/file"), "text");
    EXPECT_TRUE(left_over().empty());
}

TEST_F(Tree, SpecialFilesAreNotPacked) {
    ASSERT_EQ(::mkfifo(at("from/fifo").c_str(), 0600), 0);
    const auto packed = pack("from");
    ASSERT_FALSE(packed);
    EXPECT_EQ(packed.error().kind(), ErrorKind::unsupported);
    EXPECT_NE(packed.error().to_string().find("FIFO"), std::string::npos);
}

TEST_F(Tree, LeftoversOfTheKilledAreSwept) {
    ASSERT_EQ(::mkdir(at("to/.msb-copy-999999999-0").c_str(), 0700), 0);
    put("to/.msb-copy-999999999-0/half", "x");
    put("to/.msb-copy-999999999-1", "x");
    ASSERT_TRUE(extract(archive({{entry(TarType::file, "f"), "x"}})));
    EXPECT_TRUE(left_over().empty());
}

TEST(Links, StayInTheirTree) {
    EXPECT_EQ(*confine_link("a/b", 0, "/o"), "a/b");
    EXPECT_EQ(*confine_link("../a", 1, "/o"), "../a");
    EXPECT_EQ(*confine_link("./../a", 1, "/o"), "./../a");
    EXPECT_EQ(*confine_link("/o/x/y", 0, "/o"), "x/y");
    EXPECT_EQ(*confine_link("/o/x/y", 2, "/o/"), "../../x/y");
    EXPECT_EQ(*confine_link("/o", 1, "/o"), "..");
    EXPECT_EQ(*confine_link("/other//y", 1, "/o"), "../other/y");
    EXPECT_EQ(*confine_link("/", 0, ""), ".");
    for (const char* target : {"..", "../..", "a/../..", "./../../x", "a/../b", "/a/../../b", ""})
        EXPECT_FALSE(confine_link(target, 0, "/o")) << target;
    EXPECT_FALSE(confine_link("../../a", 1, "/o"));
}

} // namespace
} // namespace msb
