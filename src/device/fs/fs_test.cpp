#include "device/fs/fs_fixture.hpp"
#include "virtio/testing/driver.hpp"

#include <climits>

namespace msb::device {
namespace {

// ---- decoder ----

std::expected<fuse::Operation, int> decode(std::uint32_t opcode, std::string_view body,
                                           std::uint64_t data = 0) {
    return fuse::decode(opcode, as_bytes(body), data);
}

TEST(FuseRequestTest, NamesAreSingleComponents) {
    using namespace std::string_view_literals;
    EXPECT_TRUE(decode(FUSE_LOOKUP, "name\0"sv));
    for (const auto bad :
         {"\0"sv, ".\0"sv, "..\0"sv, "a/b\0"sv, "/\0"sv, "name"sv, "a\0b\0"sv, ""sv})
        EXPECT_EQ(decode(FUSE_LOOKUP, bad).error(), EINVAL) << bad;
    EXPECT_EQ(decode(FUSE_LOOKUP, std::string(256, 'a') + '\0').error(), ENAMETOOLONG);
    EXPECT_TRUE(decode(FUSE_LOOKUP, std::string(255, 'a') + '\0'));
    EXPECT_EQ(decode(FUSE_RENAME, std::string(8, '\1') + std::string("a\0../b\0", 7)).error(),
              EINVAL);
}

TEST(FuseRequestTest, SizesAgreeWithTheMessage) {
    fuse_write_in write{};
    write.size = 100;
    const std::string body(as_text(object_bytes(write)));
    EXPECT_TRUE(decode(FUSE_WRITE, body, 100));
    EXPECT_EQ(decode(FUSE_WRITE, body, 99).error(), EINVAL);
    EXPECT_EQ(decode(FUSE_WRITE, body.substr(1), 100).error(), EINVAL);
    const fuse_batch_forget_in forget{2, 0};
    const std::string many = std::string(as_text(object_bytes(forget)));
    EXPECT_EQ(decode(FUSE_BATCH_FORGET, many + std::string(16, '\0')).error(), EINVAL);
    EXPECT_TRUE(decode(FUSE_BATCH_FORGET, many + std::string(32, '\0')));
    const std::string huge(8, '\xff');
    EXPECT_EQ(decode(FUSE_BATCH_FORGET, huge).error(), EINVAL);
    EXPECT_EQ(decode(FUSE_GETATTR, std::string(17, '\0')).error(), EINVAL);
    EXPECT_EQ(decode(FUSE_IOCTL, std::string(100, '\0')).error(), ENOSYS);
}

// ---- files ----

TEST_F(FsTest, FilesAreReadAndWritten) {
    ASSERT_TRUE(write_file_atomic(shared / "data", "from the host"));
    const auto entry = look("data");
    EXPECT_TRUE(S_ISREG(entry.attr.mode));
    EXPECT_EQ(entry.attr.size, 13u);
    EXPECT_EQ(entry.attr.uid, 0u); // the user's files are root's in the guest
    const auto handle = open(entry.nodeid, O_RDWR);
    EXPECT_EQ(read(handle), "from the host");
    EXPECT_EQ(read(handle, 5), "the host");
    EXPECT_EQ(write(handle, "into", 0), 0);
    EXPECT_EQ(write(handle, "!", 0, O_APPEND), 0);
    EXPECT_EQ(on_host(shared / "data"), "into the host!");
    EXPECT_EQ(run(entry.nodeid, fuse::Release{handle, false}), 0);
    EXPECT_EQ(run(entry.nodeid, fuse::Release{handle, false}), EBADF);
    EXPECT_EQ(run(1, fuse::Lookup{"none"}), ENOENT);
}

TEST_F(FsTest, LinksAreTextOnly) {
    stdfs::create_symlink("../secret", shared / "link");
    stdfs::create_symlink("..", shared / "up");
    const auto link = look("link");
    EXPECT_TRUE(S_ISLNK(link.attr.mode));
    EXPECT_EQ(run(link.nodeid, fuse::Open{O_RDONLY, false, false}), ENXIO);
    fuse_setattr_in size{};
    size.valid = FATTR_SIZE;
    EXPECT_EQ(run(link.nodeid, fuse::SetAttributes{size}), ENXIO);
    EXPECT_EQ(run(link.nodeid, fuse::ReadLink{}), 0);
    EXPECT_EQ(as_text(reply.body), "../secret");
    EXPECT_EQ(run(look("up").nodeid, fuse::Lookup{"secret"}), ENOTDIR);
    EXPECT_EQ(run(look("up").nodeid, fuse::Create{O_RDWR, 0644, false, "made"}), ENOTDIR);
    // Creating where a link is does not write to where it leads.
    EXPECT_NE(run(1, fuse::Create{O_RDWR | O_TRUNC, 0644, false, "link"}), 0);
    EXPECT_EQ(on_host(base / "secret"), "secret");
    EXPECT_FALSE(stdfs::exists(base / "made"));
}

TEST_F(FsTest, ADirectoryMovedAwayIsNotFollowedOut) {
    stdfs::create_directory(shared / "dir");
    const auto dir = look("dir");
    share({.descriptors = 0}); // every descriptor is closed after each request
    const auto again = look("dir");
    stdfs::rename(shared / "dir", base / "moved");
    stdfs::create_symlink(base, shared / "dir");
    EXPECT_EQ(run(again.nodeid, fuse::Lookup{"secret"}), ESTALE);
    (void)dir;
}

TEST_F(FsTest, SpecialFilesAreNeverOpened) {
    ASSERT_EQ(::mkfifo((shared / "fifo").c_str(), 0600), 0);
    const auto fifo = look("fifo");
    EXPECT_TRUE(S_ISFIFO(fifo.attr.mode));
    EXPECT_EQ(run(fifo.nodeid, fuse::Open{O_RDONLY, false, false}), ENXIO);
}

TEST_F(FsTest, SpecialFilesOfTheGuestAreRegularOnes) {
    if (!xattrs)
        GTEST_SKIP() << "no user attributes on this file system";
    EXPECT_EQ(run(1, fuse::MakeNode{S_IFCHR | 0666, 0x103, "null"}), 0);
    const auto made = answer<fuse_entry_out>();
    EXPECT_TRUE(S_ISCHR(made.attr.mode));
    EXPECT_EQ(made.attr.rdev, 0x103u);
    struct stat host{};
    ASSERT_EQ(::lstat((shared / "null").c_str(), &host), 0);
    EXPECT_EQ(host.st_mode, static_cast<mode_t>(S_IFREG | 0600));
}

TEST_F(FsTest, OwnersAndModesAreTheGuestsAlone) {
    if (!xattrs)
        GTEST_SKIP() << "no user attributes on this file system";
    header.uid = 1000;
    header.gid = 1001;
    const auto made = create("tool", 04755);
    EXPECT_EQ(made.attr.mode, static_cast<std::uint32_t>(S_IFREG | 04755));
    EXPECT_EQ(made.attr.uid, 1000u);
    EXPECT_EQ(made.attr.gid, 1001u);
    struct stat host{};
    ASSERT_EQ(::stat((shared / "tool").c_str(), &host), 0);
    EXPECT_EQ(host.st_mode, static_cast<mode_t>(S_IFREG | 0700)); // it can be executed, too
    EXPECT_EQ(host.st_uid, ::geteuid());
    fuse_setattr_in owner{};
    owner.valid = FATTR_UID;
    owner.uid = 7;
    EXPECT_EQ(run(made.nodeid, fuse::SetAttributes{owner}), 0);
    const auto changed = answer<fuse_attr_out>();
    EXPECT_EQ(changed.attr.uid, 7u);
    EXPECT_EQ(changed.attr.mode, static_cast<std::uint32_t>(S_IFREG | 0755)); // chown(2)
    // A guest neither sees nor changes the record.
    EXPECT_EQ(run(made.nodeid, fuse::GetXattr{100, "user.msb.override_stat"}), EACCES);
    EXPECT_EQ(run(made.nodeid, fuse::SetXattr{0, "user.msb.override_stat", {}}), EACCES);
    EXPECT_EQ(run(made.nodeid, fuse::ListXattr{1000}), 0);
    EXPECT_TRUE(reply.body.empty());
    EXPECT_EQ(run(made.nodeid, fuse::SetXattr{0, "trusted.x", {}}), EOPNOTSUPP);
}

TEST_F(FsTest, WithoutVirtualisationTheHostDecides) {
    share({.keep_metadata = false});
    const auto made = create("tool", 04755);
    EXPECT_EQ(made.attr.mode, static_cast<std::uint32_t>(S_IFREG | 0755));
    EXPECT_EQ(made.attr.uid, ::geteuid());
    fuse_setattr_in owner{};
    owner.valid = FATTR_UID;
    owner.uid = 7;
    EXPECT_EQ(run(made.nodeid, fuse::SetAttributes{owner}), EPERM);
    EXPECT_EQ(run(1, fuse::MakeNode{S_IFIFO | 0666, 0, "fifo"}), EPERM);
}

TEST_F(FsTest, MirroredModesKeepTheOwnersAccess) {
    if (!xattrs)
        GTEST_SKIP() << "no user attributes on this file system";
    share({.mirror_modes = true});
    const auto made = create("tool", 04755);
    struct stat host{};
    ASSERT_EQ(::stat((shared / "tool").c_str(), &host), 0);
    EXPECT_EQ(host.st_mode & 07777, 0755u);
    fuse_setattr_in mode{};
    mode.valid = FATTR_MODE;
    mode.mode = 0040;
    EXPECT_EQ(run(made.nodeid, fuse::SetAttributes{mode}), 0);
    ASSERT_EQ(::stat((shared / "tool").c_str(), &host), 0);
    EXPECT_EQ(host.st_mode & 07777, 0640u);
    EXPECT_EQ(answer<fuse_attr_out>().attr.mode & 07777, 0040u);
}

TEST_F(FsTest, ReadOnlyIsReadOnly) {
    ASSERT_TRUE(write_file_atomic(shared / "data", "kept"));
    share({.read_only = true});
    const auto data = look("data");
    EXPECT_EQ(run(data.nodeid, fuse::Open{O_RDWR, false, false}), EROFS);
    EXPECT_EQ(run(data.nodeid, fuse::Open{O_RDONLY | O_TRUNC, false, false}), EROFS);
    EXPECT_EQ(run(1, fuse::Create{O_RDONLY, 0644, false, "new"}), EROFS);
    EXPECT_EQ(run(1, fuse::Unlink{"data", false}), EROFS);
    EXPECT_EQ(run(1, fuse::Rename{1, 0, "data", "other"}), EROFS);
    EXPECT_EQ(run(data.nodeid, fuse::SetAttributes{}), EROFS);
    EXPECT_EQ(run(data.nodeid, fuse::SetXattr{0, "user.a", {}}), EROFS);
    const auto handle = open(data.nodeid, O_RDONLY);
    EXPECT_EQ(write(handle, "x", 0), EROFS);
    EXPECT_EQ(read(handle), "kept");
}

TEST_F(FsTest, ASingleFileIsAloneInItsShare) {
    ASSERT_TRUE(write_file_atomic(shared / "data", "one"));
    ASSERT_TRUE(write_file_atomic(shared / "other", "two"));
    share({.file_name = "file", .descriptors = 0});
    EXPECT_EQ(run(1, fuse::Lookup{"data"}), ENOENT);
    EXPECT_EQ(run(1, fuse::Lookup{"other"}), ENOENT);
    const auto entry = look("file");
    EXPECT_EQ(list(1, 4096, false), (std::vector<std::string>{".", "..", "file"}));
    EXPECT_EQ(list(1, 4096, true), (std::vector<std::string>{".", "..", "file"}));
    const auto handle = open(entry.nodeid, O_RDWR);
    EXPECT_EQ(write(handle, "new", 0, 0, entry.nodeid), 0);
    EXPECT_EQ(on_host(shared / "data"), "new");
    EXPECT_EQ(run(1, fuse::Unlink{"file", false}), EPERM);
    EXPECT_EQ(run(1, fuse::Create{O_RDWR, 0644, false, "x"}), EPERM);
    EXPECT_EQ(run(1, fuse::Rename{1, 0, "file", "x"}), EPERM);
}

TEST_F(FsTest, DirectoriesAreListedOnceWhateverTheBuffer) {
    std::vector<std::string> expected = {".", ".."};
    for (int i = 0; i < 1500; ++i) {
        expected.push_back("file-" + std::to_string(i));
        ASSERT_TRUE(write_file_atomic(shared / expected.back(), "", 0644, false));
    }
    std::ranges::sort(expected);
    share({.descriptors = 16});
    EXPECT_EQ(list(1, 400, false), expected);
    EXPECT_EQ(list(1, 4096, true), expected);
    EXPECT_EQ(list(1, 1 << 20, true), expected);
}

TEST_F(FsTest, OpenFilesOutliveTheirNames) {
    share({.descriptors = 0});
    std::uint64_t handle = 0;
    const auto made = create("gone", 0644, &handle);
    EXPECT_EQ(write(handle, "still here", 0), 0);
    EXPECT_EQ(run(1, fuse::Unlink{"gone", false}), 0);
    EXPECT_EQ(read(handle), "still here");
    EXPECT_EQ(run(made.nodeid, fuse::GetAttributes{}), 0);
    EXPECT_EQ(answer<fuse_attr_out>().attr.nlink, 0u);
    fuse_setattr_in size{};
    size.valid = FATTR_SIZE;
    size.size = 5;
    EXPECT_EQ(run(made.nodeid, fuse::SetAttributes{size}), 0);
    EXPECT_EQ(read(handle), "still");
}

TEST_F(FsTest, RenamesAreFollowed) {
    share({.descriptors = 0});
    create("a");
    EXPECT_EQ(run(1, fuse::MakeDirectory{0755, "dir"}), 0);
    const auto dir = answer<fuse_entry_out>();
    const auto a = look("a");
    EXPECT_EQ(run(1, fuse::Rename{dir.nodeid, 0, "a", "b"}), 0);
    EXPECT_EQ(run(a.nodeid, fuse::GetAttributes{}), 0);
    EXPECT_EQ(look("b", dir.nodeid).nodeid, a.nodeid);
    // The directory above takes it along.
    EXPECT_EQ(run(1, fuse::Rename{1, 0, "dir", "moved"}), 0);
    EXPECT_EQ(run(a.nodeid, fuse::GetAttributes{}), 0);
    const auto c = create("c");
    EXPECT_EQ(run(1, fuse::Rename{dir.nodeid, RENAME_NOREPLACE, "c", "b"}), EEXIST);
    EXPECT_EQ(run(1, fuse::Rename{dir.nodeid, RENAME_EXCHANGE, "c", "b"}), 0);
    EXPECT_EQ(look("c").nodeid, a.nodeid);
    EXPECT_EQ(look("b", dir.nodeid).nodeid, c.nodeid);
    EXPECT_EQ(run(a.nodeid, fuse::GetAttributes{}), 0);
    EXPECT_EQ(run(c.nodeid, fuse::GetAttributes{}), 0);
    EXPECT_EQ(run(1, fuse::Rename{1, 4 /* WHITEOUT */, "c", "d"}), EINVAL);
    EXPECT_EQ(run(1, fuse::HardLink{c.nodeid, "second"}), 0);
    EXPECT_EQ(answer<fuse_entry_out>().nodeid, c.nodeid);
}

TEST_F(FsTest, ForgottenDirectoryOutlastsAnExchange) {
    share({});
    std::filesystem::create_directory(shared / "d");
    create("g");
    const auto d = look("d");
    ASSERT_TRUE(write_file_atomic(shared / "d/f", "", 0644, false));
    const auto f = look("f", d.nodeid);
    EXPECT_EQ(run(d.nodeid, fuse::Forget{UINT64_MAX}), 0); // only its child keeps it
    EXPECT_EQ(run(d.nodeid, fuse::Rename{1, RENAME_EXCHANGE, "f", "g"}), 0);
    EXPECT_EQ(look("g").nodeid, f.nodeid);
    EXPECT_EQ(run(look("f", look("d").nodeid).nodeid, fuse::GetAttributes{}), 0);
}

TEST_F(FsTest, AnExchangeMayEndWhatOnlyItsOtherFileKept) {
    EXPECT_EQ(run(1, fuse::MakeDirectory{0755, "d"}), 0);
    const auto d = answer<fuse_entry_out>();
    EXPECT_EQ(run(d.nodeid, fuse::MakeNode{S_IFREG | 0644, 0, "first"}), 0);
    const auto f = answer<fuse_entry_out>();
    EXPECT_EQ(run(1, fuse::HardLink{f.nodeid, "second"}), 0);
    look("first", d.nodeid);
    EXPECT_EQ(run(d.nodeid, fuse::Forget{UINT64_MAX}), 0); // its child is about to leave it
    EXPECT_EQ(run(1, fuse::Rename{1, RENAME_EXCHANGE, "second", "d"}), 0);
    EXPECT_EQ(look("d").nodeid, f.nodeid);
    EXPECT_EQ(run(d.nodeid, fuse::GetAttributes{}), ESTALE);
    EXPECT_EQ(run(f.nodeid, fuse::Forget{UINT64_MAX}), 0);
    EXPECT_EQ(files->inodes(), 1u);
}

TEST_F(FsTest, ASessionMayEndInTheNameOfAnyFile) {
    const auto f = create("f");
    EXPECT_EQ(run(f.nodeid, fuse::Destroy{}), 0);
    EXPECT_EQ(files->inodes(), 1u);
    EXPECT_EQ(run(f.nodeid, fuse::GetAttributes{}), ESTALE);
}

// What was above is below now, by somebody else's doing, and only one of the two is looked up
// again.
TEST_F(FsTest, DirectoriesThatChangePlacesDoNotContainEachOther) {
    stdfs::create_directories(shared / "above/below");
    const auto above = look("above");
    const auto below = look("below", above.nodeid);
    stdfs::rename(shared / "above/below", shared / "below");
    stdfs::rename(shared / "above", shared / "below/above");
    EXPECT_EQ(look("above", below.nodeid).nodeid, above.nodeid);
    EXPECT_EQ(run(above.nodeid, fuse::GetAttributes{}), 0);
    EXPECT_EQ(look("below").nodeid, below.nodeid);
    EXPECT_EQ(look("above", below.nodeid).nodeid, above.nodeid);
    EXPECT_EQ(run(above.nodeid, fuse::Forget{UINT64_MAX}), 0);
    EXPECT_EQ(run(below.nodeid, fuse::Forget{UINT64_MAX}), 0);
    EXPECT_EQ(files->inodes(), 1u);
}

TEST_F(FsTest, TablesAreBounded) {
    share({.inodes = 10, .descriptors = 4, .handles = 3});
    for (int i = 0; i < 20; ++i)
        ASSERT_TRUE(write_file_atomic(shared / std::to_string(i), "", 0644, false));
    std::array<std::uint64_t, 9> nodes{};
    for (std::size_t i = 0; i < nodes.size(); ++i)
        nodes[i] = look(std::to_string(i)).nodeid;
    EXPECT_EQ(run(1, fuse::Lookup{"15"}), ENFILE);
    EXPECT_EQ(files->inodes(), 10u);
    for (int i = 0; i < 3; ++i)
        open(nodes[0], O_RDONLY);
    EXPECT_EQ(run(nodes[0], fuse::Open{O_RDONLY, false, false}), ENFILE);
    EXPECT_EQ(run(nodes[1], fuse::Forget{UINT64_MAX}), 0);
    EXPECT_EQ(run(nodes[1], fuse::GetAttributes{}), ESTALE);
    look("15");
    EXPECT_EQ(run(0, fuse::Destroy{}), 0);
    EXPECT_EQ(files->inodes(), 1u);
    EXPECT_EQ(files->open_handles(), 0u);
}

TEST_F(FsTest, HandlesAreChecked) {
    const auto made = create("file");
    EXPECT_EQ(run(made.nodeid, fuse::Read{77, 0, 10}), EBADF);
    EXPECT_EQ(run(made.nodeid, fuse::Read{UINT64_MAX, 0, 10}), EBADF);
    const auto directory = open(1, 0, true);
    EXPECT_EQ(run(1, fuse::Read{directory, 0, 10}), EBADF);
    EXPECT_EQ(run(1, fuse::ReadDirectory{0, 0, 4096, false}), EBADF); // a file's
    const auto reader = open(made.nodeid, O_RDONLY);
    EXPECT_EQ(write(reader, "x", 0), EBADF);
    EXPECT_EQ(run(1, fuse::Allocate{reader, 0, 10, 0}), EBADF);
    EXPECT_EQ(run(99, fuse::GetAttributes{}), ESTALE);
}

// ---- device ----

TEST_F(FsTest, RequestsAreAnsweredOverAQueue) {
    std::vector<Shares::Share> alone;
    alone.push_back({"", std::move(files)});
    auto device = *Fs::create("tag", Shares(std::move(alone)));
    std::array<std::uint8_t, 40> config{};
    device->read_config(0, config);
    EXPECT_STREQ(reinterpret_cast<const char*>(config.data()), "tag");
    EXPECT_EQ(load_le<std::uint32_t>(BytesView(config).subspan(36)), 1u);

    virtio::testing::Ram ram(1 << 20);
    virtio::testing::DriverRing ring(ram, 64);
    virtio::Queue queue;
    ASSERT_TRUE(queue.start(ram.memory(), ring.config(), nullptr));
    device->queue_started(1, queue);
    const auto ask = [&](fuse_in_header in, std::string_view body, std::uint32_t room) {
        if (in.len == 0)
            in.len = static_cast<std::uint32_t>(sizeof(in) + body.size());
        Bytes request(sizeof(in));
        std::memcpy(request.data(), &in, sizeof(in));
        request.insert(request.end(), body.begin(), body.end());
        const auto size = static_cast<std::uint32_t>(request.size());
        const std::uint64_t answer = room > 0 ? ram.allocate(room) : 0;
        std::vector<virtio::testing::Buffer> buffers = {{ram.store(request), size}};
        if (room > 0)
            buffers.push_back({answer, room, true});
        ring.add(buffers);
        EXPECT_FALSE(device->queue_kicked(1));
        const auto used = ring.used();
        EXPECT_TRUE(used);
        fuse_out_header out{};
        if (used->length >= sizeof(out)) {
            std::memcpy(&out, ram.load(answer, sizeof(out)).data(), sizeof(out));
            EXPECT_EQ(out.len, used->length);
        }
        return out;
    };
    fuse_in_header in{};
    in.opcode = FUSE_GETATTR;
    in.nodeid = 1;
    in.unique = 5;
    const std::string body(sizeof(fuse_getattr_in), '\0');
    EXPECT_EQ(ask(in, body, 200).error, 0);
    EXPECT_EQ(ask(in, body, 200).unique, 5u);
    EXPECT_EQ(ask(in, body, 200).len, sizeof(fuse_out_header) + sizeof(fuse_attr_out));
    EXPECT_EQ(ask(in, body, 50).error, -EIO); // no room for the answer
    EXPECT_EQ(ask(in, body, 8).len, 0u);
    EXPECT_EQ(ask(in, body, 0).len, 0u);
    in.len = 7;
    EXPECT_EQ(ask(in, body, 200).error, -EINVAL);
    in.len = 0;
    in.opcode = FUSE_FORGET;
    EXPECT_EQ(ask(in, std::string(8, '\0'), 0).len, 0u);
    in.opcode = 9999;
    EXPECT_EQ(ask(in, "", 200).error, -ENOSYS);
}

} // namespace
} // namespace msb::device
