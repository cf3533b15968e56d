// What two sides of a share see of each other, and how much the guest may add to it.
#include "device/fs/fs_fixture.hpp"

#include <sys/file.h>

namespace msb::device {
namespace {

TEST(FileNumbersTest, NoTwoFilesHaveOneNumber) {
    FileNumbers numbers(1);
    EXPECT_EQ(numbers.shown(1, 77), 77u);
    const auto other = numbers.shown(2, 77);
    const auto third = numbers.shown(3, 77);
    const auto high = numbers.shown(1, 77 | std::uint64_t{5} << 48);
    EXPECT_NE(other, 77u);
    EXPECT_NE(other, third);
    EXPECT_NE(high, other);
    EXPECT_NE(high, third);
    EXPECT_NE(high, 77u);
    EXPECT_LT(*high, std::uint64_t{1} << 53);
    EXPECT_EQ(numbers.shown(2, 77), other);
    EXPECT_EQ(numbers.shown(1, 77), 77u);
    // The last number belongs to somebody, too.
    for (dev_t device = 4; numbers.shown(device, 1); ++device)
        ASSERT_LT(device, 100'000u);
    EXPECT_EQ(numbers.shown(3, 77), third);
}

TEST_F(FsTest, StrictNamesAreLookedUpEachTime) {
    ASSERT_TRUE(write_file_atomic(shared / "file", "one"));
    const auto found = look("file");
    EXPECT_EQ(found.entry_valid, 0u);
    EXPECT_EQ(found.entry_valid_nsec, 0u);
    EXPECT_EQ(found.attr_valid, 0u);
    EXPECT_EQ(run(1, fuse::Lookup{"none"}), ENOENT);
    share({.cached = true});
    EXPECT_EQ(look("file").entry_valid, 1u);
    EXPECT_EQ(look("none").nodeid, 0u); // its absence may be remembered
    EXPECT_EQ(answer<fuse_entry_out>().entry_valid, 1u);
}

/// Whether the guest may keep what it has read of a file.
struct KeepCacheTest : FsTest {
    std::uint64_t node = 0;

    void SetUp() override {
        FsTest::SetUp();
        ASSERT_TRUE(write_file_atomic(shared / "file", "content"));
        settle();
        node = look("file").nodeid;
    }
    /// Until a change has a time that no earlier one has.
    static void settle() { ::usleep(50'000); }
    bool keeps() {
        const std::uint64_t handle = open(node, O_RDWR);
        const bool keeps = (answer<fuse_open_out>().open_flags & FOPEN_KEEP_CACHE) != 0;
        EXPECT_EQ(run(node, fuse::Release{handle, false}), 0);
        return keeps;
    }
};

TEST_F(KeepCacheTest, AFileThatNobodyChangesIsReadOnce) {
    EXPECT_FALSE(keeps());
    EXPECT_TRUE(keeps());
    EXPECT_TRUE(keeps());
}

TEST_F(KeepCacheTest, WhatTheHostChangesIsReadAgain) {
    EXPECT_FALSE(keeps());
    {
        const OwnedFd host(::open((shared / "file").c_str(), O_WRONLY | O_CLOEXEC));
        ASSERT_EQ(::pwrite(host.get(), "CONTENT", 7, 0), 7); // as long as before
    }
    const std::array<timespec, 2> times{};
    ASSERT_EQ(::utimensat(AT_FDCWD, (shared / "file").c_str(), times.data(), 0), 0);
    EXPECT_FALSE(keeps()) << "with another time of modification";
}

TEST_F(KeepCacheTest, AChangeOfJustNowMayNotBeTheLast) {
    ASSERT_EQ(::truncate((shared / "file").c_str(), 3), 0);
    EXPECT_FALSE(keeps());
    EXPECT_FALSE(keeps());
    settle();
    EXPECT_FALSE(keeps());
    EXPECT_TRUE(keeps());
}

TEST_F(KeepCacheTest, WhatTheGuestWroteTheHostMayHaveWrittenToo) {
    EXPECT_FALSE(keeps());
    const std::uint64_t handle = open(node, O_RDWR);
    EXPECT_EQ(write(handle, "x", 0), 0);
    EXPECT_FALSE(keeps());
    share({.cached = true});
    node = look("file").nodeid;
    const std::uint64_t again = open(node, O_RDWR);
    EXPECT_EQ(write(again, "y", 0), 0);
    EXPECT_EQ(run(node, fuse::Release{again, false}), 0);
    EXPECT_TRUE(keeps());
}

TEST_F(FsTest, ANumberThatWasGivenAwayIsAnotherFile) {
    // With one descriptor, the entry of "a" loses its own while "b" is looked at, and the host's
    // next file gets its number (on most file systems, so nothing is said about the others).
    share({.descriptors = 1});
    ASSERT_TRUE(write_file_atomic(shared / "a", "one"));
    ASSERT_TRUE(write_file_atomic(shared / "b", "two"));
    const auto first = look("a");
    look("b");
    stdfs::remove(shared / "a");
    ASSERT_TRUE(write_file_atomic(shared / "a", "three"));
    const auto second = look("a");
    EXPECT_NE(first.nodeid, second.nodeid);
}

TEST_F(FsTest, BothSidesSeeWhetherAFileCanBeExecuted) {
    if (!xattrs)
        GTEST_SKIP() << "no user attributes on this file system";
    const auto mode_of = [this](const char* name) {
        struct stat info{};
        EXPECT_EQ(::stat((shared / name).c_str(), &info), 0);
        return info.st_mode & 07777;
    };
    const auto chmod = [this](std::uint64_t node, std::uint32_t mode) {
        fuse_setattr_in in{};
        in.valid = FATTR_MODE;
        in.mode = mode;
        EXPECT_EQ(run(node, fuse::SetAttributes{in}), 0);
    };
    const std::uint64_t made = create("made", 06755).nodeid;
    EXPECT_EQ(mode_of("made"), 0700u);
    chmod(made, 0644);
    EXPECT_EQ(mode_of("made"), 0600u);
    chmod(made, 0755);
    EXPECT_EQ(mode_of("made"), 0700u);
    // A file of the host keeps who may read it.
    ASSERT_TRUE(write_file_atomic(shared / "host", "x"));
    ASSERT_EQ(::chmod((shared / "host").c_str(), 0640), 0);
    const std::uint64_t host = look("host").nodeid;
    chmod(host, 0755);
    EXPECT_EQ(mode_of("host"), 0750u);
    // And the other way round.
    ASSERT_EQ(::chmod((shared / "made").c_str(), 0600), 0);
    EXPECT_EQ(look("made").attr.mode & 07777, 0644u);
    ASSERT_EQ(::chmod((shared / "made").c_str(), 0700), 0);
    EXPECT_EQ(look("made").attr.mode & 07777, 0755u);
    // What a program wrote that records no mode of the host is as it says.
    const char old[] = {1, 0, 0, 0, 7, 0, 0, 0, 7, 0, 0, 0, '\xed', '\x81', 0, 0, 0, 0, 0, 0};
    ASSERT_EQ(::setxattr((shared / "host").c_str(), "user.msb.override_stat", old, 20, 0), 0);
    ASSERT_EQ(::chmod((shared / "host").c_str(), 0600), 0);
    EXPECT_EQ(look("host").attr.mode & 07777, 0755u);
}

TEST_F(FsTest, FilesWithoutANameCanGetOne) {
    const int error = run(1, fuse::MakeUnnamed{O_RDWR, 0640});
    if (error == EOPNOTSUPP || error == EISDIR)
        GTEST_SKIP() << "no O_TMPFILE on this file system";
    ASSERT_EQ(error, 0);
    const auto made = answer<fuse_entry_out>();
    fuse_open_out opened{};
    std::memcpy(&opened, reply.body.data() + sizeof(made), sizeof(opened));
    EXPECT_EQ(made.attr.nlink, 0u);
    EXPECT_TRUE(stdfs::is_empty(shared));
    EXPECT_EQ(write(opened.fh, "text", 0), 0);
    EXPECT_EQ(run(1, fuse::HardLink{made.nodeid, "named"}), 0);
    EXPECT_EQ(answer<fuse_entry_out>().nodeid, made.nodeid);
    EXPECT_EQ(on_host(shared / "named"), "text");
}

TEST_F(FsTest, BirthIsToldWhereItIsKnown) {
    const auto made = create("file");
    ASSERT_EQ(run(made.nodeid, fuse::GetStatx{}), 0);
    const auto out = answer<fuse::StatxOut>();
    EXPECT_EQ(out.ino, made.attr.ino);
    EXPECT_EQ(out.mode, made.attr.mode);
    struct statx host{};
    ASSERT_EQ(::statx(AT_FDCWD, (shared / "file").c_str(), 0, STATX_BTIME, &host), 0);
    EXPECT_EQ(out.mask & STATX_BTIME, host.stx_mask & STATX_BTIME);
    EXPECT_EQ(out.btime.seconds, host.stx_btime.tv_sec);
    EXPECT_EQ(out.btime.nanoseconds, host.stx_btime.tv_nsec);
    ASSERT_EQ(run(made.nodeid, fuse::SetAttributes{}), 0);
}

// ---- quota ----

struct QuotaTest : FsTest {
    void SetUp() override {
        FsTest::SetUp();
        share({.quota = {.bytes = 10'000, .names = 5}});
    }
    int truncate(std::uint64_t node, std::uint64_t size) {
        fuse_setattr_in in{};
        in.valid = FATTR_SIZE;
        in.size = size;
        return run(node, fuse::SetAttributes{in});
    }
    std::uint64_t free_blocks() {
        EXPECT_EQ(run(1, fuse::StatFs{}), 0);
        return answer<fuse_statfs_out>().st.bavail;
    }
    int unlink(std::string_view name) { return run(1, fuse::Unlink{name, false}); }
};

TEST_F(QuotaTest, FilesGrowSoFar) {
    std::uint64_t handle = 0;
    const auto made = create("a", 0644, &handle);
    EXPECT_EQ(write(handle, std::string(6'000, 'x'), 0), 0);
    EXPECT_EQ(write(handle, std::string(6'000, 'y'), 0), 0); // the same again: no growth
    EXPECT_EQ(write(handle, std::string(6'000, 'z'), 6'000), 0);
    EXPECT_EQ(answer<fuse_write_out>().size, 4'000u); // what there was room for
    EXPECT_EQ(write(handle, "more", 10'000), ENOSPC);
    EXPECT_EQ(write(handle, "more", 0, O_APPEND), ENOSPC);
    EXPECT_EQ(write(handle, "over", 9'990), 0);
    EXPECT_EQ(truncate(made.nodeid, 10'001), ENOSPC);
    EXPECT_EQ(run(made.nodeid, fuse::Allocate{handle, 0, 20'000, 0}), ENOSPC);
    EXPECT_EQ(run(made.nodeid, fuse::Allocate{handle, 0, 20'000, FALLOC_FL_KEEP_SIZE}), EOPNOTSUPP);
    EXPECT_EQ(free_blocks(), 0u);
    EXPECT_EQ(truncate(made.nodeid, 1'000), 0);
    EXPECT_EQ(truncate(made.nodeid, 10'000), 0);
    EXPECT_EQ(stdfs::file_size(shared / "a"), 10'000u);
}

TEST_F(QuotaTest, WhatWasThereDoesNotCountUntilItIsRemoved) {
    ASSERT_TRUE(write_file_atomic(shared / "before", std::string(50'000, 'x')));
    std::uint64_t handle = 0;
    create("a", 0644, &handle);
    EXPECT_EQ(write(handle, "x", 9'999), 0);
    EXPECT_EQ(write(handle, "x", 10'000), ENOSPC);
    EXPECT_EQ(unlink("before"), 0); // the guest does not know it
    EXPECT_EQ(write(handle, "x", 59'999), 0);
    EXPECT_EQ(write(handle, "x", 60'000), ENOSPC);
}

TEST_F(QuotaTest, RemovedFilesCountAsLongAsTheyAreOpen) {
    std::uint64_t handle = 0, second = 0;
    const auto made = create("a", 0644, &handle);
    EXPECT_EQ(write(handle, "x", 9'999), 0);
    EXPECT_EQ(unlink("a"), 0);
    EXPECT_EQ(run(made.nodeid, fuse::Forget{1}), 0); // a handle keeps it
    create("b", 0644, &second);
    EXPECT_EQ(write(second, "x", 0), ENOSPC);
    EXPECT_EQ(run(1, fuse::Release{handle, false}), 0);
    EXPECT_EQ(write(second, "x", 9'999), 0);
    // Replacing is removing, and so is truncating when opening.
    create("c");
    EXPECT_EQ(run(1, fuse::Rename{1, 0, "c", "b"}), 0);
    EXPECT_EQ(run(1, fuse::Release{second, false}), 0);
    EXPECT_EQ(truncate(look("b").nodeid, 10'000), ENOSPC) << "the guest remembers it";
    files->reset();
    const std::uint64_t b = look("b").nodeid;
    EXPECT_EQ(truncate(b, 10'000), 0);
    open(b, O_WRONLY | O_TRUNC);
    EXPECT_EQ(truncate(b, 10'000), 0);
}

TEST_F(QuotaTest, NamesAreCounted) {
    const auto file = create("1");
    EXPECT_EQ(run(1, fuse::MakeDirectory{0755, "2"}), 0);
    EXPECT_EQ(run(1, fuse::MakeLink{"3", "target"}), 0);
    EXPECT_EQ(run(1, fuse::HardLink{file.nodeid, "4"}), 0);
    EXPECT_EQ(run(1, fuse::MakeNode{S_IFREG | 0644, 0, "5"}), 0);
    EXPECT_EQ(run(1, fuse::MakeNode{S_IFREG | 0644, 0, "6"}), ENOSPC);
    EXPECT_EQ(run(1, fuse::MakeDirectory{0755, "6"}), ENOSPC);
    EXPECT_EQ(run(1, fuse::MakeLink{"6", "target"}), ENOSPC);
    EXPECT_EQ(run(1, fuse::HardLink{file.nodeid, "6"}), ENOSPC);
    EXPECT_EQ(run(1, fuse::Create{O_RDWR, 0644, false, "6"}), ENOSPC);
    EXPECT_EQ(run(1, fuse::Rename{1, 0, "1", "moved"}), 0);
    EXPECT_EQ(unlink("4"), 0);
    EXPECT_EQ(run(1, fuse::Rename{1, 0, "moved", "5"}), 0);
    create("6");
    create("7");
    EXPECT_EQ(run(1, fuse::StatFs{}), 0);
    EXPECT_EQ(answer<fuse_statfs_out>().st.ffree, 0u);
}

// ---- locks ----

struct LockTest : FsTest {
    std::uint64_t node = 0, handle = 0;
    OwnedFd host;

    void SetUp() override {
        FsTest::SetUp();
        node = create("file", 0644, &handle).nodeid;
        host = OwnedFd(::open((shared / "file").c_str(), O_RDWR | O_CLOEXEC));
        // The first time, until older attributes have ended in the guest.
        EXPECT_EQ(lock(1, F_RDLCK), Passthrough::later);
        ::usleep(40'000);
        EXPECT_EQ(lock(1, F_UNLCK), 0);
    }
    int lock(std::uint64_t owner, std::uint32_t type, std::uint64_t start = 0,
             std::uint64_t end = INT64_MAX, bool wait = false) {
        return run(node, fuse::SetLock{handle, owner, {start, end, type, 0}, false, wait});
    }
    int flock(std::uint64_t with, std::uint32_t type) {
        return run(node, fuse::SetLock{with, with, {0, INT64_MAX, type, 0}, true, false});
    }
    /// Whether the host gets a lock there, which it gives up at once.
    bool host_locks(short type, off_t start = 0, off_t length = 0) {
        struct flock range{};
        range.l_type = type;
        range.l_start = start;
        range.l_len = length;
        const bool got = ::fcntl(host.get(), F_OFD_SETLK, &range) == 0;
        range.l_type = F_UNLCK;
        ::fcntl(host.get(), F_OFD_SETLK, &range);
        return got;
    }
};

TEST_F(LockTest, HoldAmongOwnersAndTheHost) {
    EXPECT_EQ(lock(1, F_WRLCK, 0, 9), 0);
    EXPECT_EQ(lock(2, F_RDLCK, 5, 5), EAGAIN);
    EXPECT_EQ(lock(2, F_RDLCK, 5, 5, true), Passthrough::later);
    EXPECT_EQ(lock(2, F_WRLCK, 10, 19), 0);
    EXPECT_FALSE(host_locks(F_RDLCK, 9, 1));
    EXPECT_FALSE(host_locks(F_RDLCK, 10, 1));
    EXPECT_TRUE(host_locks(F_WRLCK, 20, 0));
    ASSERT_EQ(run(node, fuse::GetLock{handle, 1, {0, INT64_MAX, F_RDLCK, 0}}), 0);
    auto seen = answer<fuse_lk_out>().lk;
    EXPECT_EQ(seen.type, static_cast<std::uint32_t>(F_WRLCK));
    EXPECT_EQ(seen.start, 10u);
    EXPECT_EQ(seen.end, 19u);
    EXPECT_EQ(lock(1, F_UNLCK, 0, 4), 0);
    EXPECT_TRUE(host_locks(F_WRLCK, 0, 5));
    EXPECT_FALSE(host_locks(F_WRLCK, 5, 1));
    EXPECT_EQ(run(node, fuse::Flush{1}), 0);
    EXPECT_TRUE(host_locks(F_WRLCK, 5, 5));
    EXPECT_EQ(run(node, fuse::Release{handle, false}), 0);
    EXPECT_TRUE(host_locks(F_WRLCK));
}

TEST_F(LockTest, OfTheHostHoldInTheGuest) {
    struct flock range{};
    range.l_type = F_WRLCK;
    ASSERT_EQ(::fcntl(host.get(), F_OFD_SETLK, &range), 0);
    EXPECT_EQ(lock(1, F_RDLCK), EAGAIN);
    ASSERT_EQ(::flock(host.get(), LOCK_SH), 0);
    EXPECT_EQ(flock(handle, F_WRLCK), EAGAIN);
    EXPECT_EQ(flock(handle, F_RDLCK), 0);
    EXPECT_EQ(::flock(host.get(), LOCK_EX | LOCK_NB), -1);
    EXPECT_EQ(flock(handle, F_UNLCK), 0);
    EXPECT_EQ(::flock(host.get(), LOCK_EX | LOCK_NB), 0);
}

TEST_F(LockTest, RequestsAreChecked) {
    EXPECT_EQ(lock(1, 77), EINVAL);
    EXPECT_EQ(lock(1, F_WRLCK, 5, 4), EINVAL);
    EXPECT_EQ(lock(1, F_WRLCK, 0, UINT64_MAX), EINVAL);
    EXPECT_EQ(run(1, fuse::SetLock{handle, 1, {0, 1, F_RDLCK, 0}, false, false}), EBADF);
    EXPECT_EQ(run(node, fuse::SetLock{99, 1, {0, 1, F_RDLCK, 0}, false, false}), EBADF);
    const std::uint64_t reader = open(node, O_RDONLY);
    EXPECT_EQ(run(node, fuse::SetLock{reader, 1, {0, 1, F_WRLCK, 0}, false, false}), EBADF);
    // A guest that may not write does not keep others from it.
    share({.read_only = true});
    node = look("file").nodeid;
    handle = open(node, O_RDONLY);
    EXPECT_EQ(lock(1, F_WRLCK), EROFS);
    EXPECT_EQ(flock(handle, F_WRLCK), EROFS);
}

TEST_F(LockTest, FilesWithLocksAreFollowedClosely) {
    EXPECT_EQ(look("file").attr_valid_nsec, 0u);
    const std::uint64_t again = open(node, O_RDWR);
    EXPECT_EQ(answer<fuse_open_out>().open_flags & FOPEN_NOFLUSH, 0u);
    EXPECT_EQ(run(node, fuse::Release{again, false}), 0);
    open(create("other").nodeid, O_RDWR);
    EXPECT_NE(answer<fuse_open_out>().open_flags & FOPEN_NOFLUSH, 0u);
}

// ---- several shares of one device ----

TEST_F(FsTest, SharesOfOneDeviceAreDirectoriesOfItsRoot) {
    std::vector<Shares::Share> both;
    for (const std::string name : {"a", "b"}) {
        stdfs::create_directory(shared / name);
        ASSERT_TRUE(write_file_atomic(shared / name / "file", name));
        both.push_back(
            {name, *Passthrough::create(
                       *sys::open(shared / name, O_PATH),
                       {.read_only = name == "b", .first_id = Shares::first_id(both.size(), 2)})});
    }
    Shares shares(std::move(both));
    const auto ask = [&](std::uint64_t id, const fuse::Operation& operation) {
        header.nodeid = id;
        reply.body.clear();
        return shares.handle(header, operation, reply);
    };
    EXPECT_EQ(ask(0, fuse::Init{7, 38, 0, FUSE_POSIX_LOCKS}), 0);
    EXPECT_EQ(answer<fuse_init_out>().flags, static_cast<std::uint32_t>(FUSE_POSIX_LOCKS));
    EXPECT_EQ(ask(1, fuse::GetAttributes{}), 0);
    EXPECT_EQ(ask(1, fuse::Lookup{"c"}), ENOENT);
    EXPECT_EQ(ask(1, fuse::MakeDirectory{0755, "c"}), EPERM);
    EXPECT_EQ(ask(1, fuse::Lookup{"a"}), 0);
    const auto a = answer<fuse_entry_out>();
    EXPECT_EQ(a.attr.flags, static_cast<std::uint32_t>(FUSE_ATTR_SUBMOUNT));
    EXPECT_EQ(ask(1, fuse::Lookup{"b"}), 0);
    const auto b = answer<fuse_entry_out>();
    EXPECT_EQ(ask(a.nodeid, fuse::Lookup{"file"}), 0);
    const auto file = answer<fuse_entry_out>();
    EXPECT_NE(file.nodeid, a.nodeid);
    // Nothing leads from one to the other, and each keeps its own rules.
    EXPECT_EQ(ask(b.nodeid, fuse::HardLink{file.nodeid, "link"}), EROFS);
    EXPECT_EQ(ask(a.nodeid, fuse::Rename{b.nodeid, 0, "file", "file"}), ESTALE);
    EXPECT_EQ(ask(b.nodeid, fuse::Unlink{"file", false}), EROFS);
    EXPECT_EQ(ask(a.nodeid, fuse::Unlink{"file", false}), 0);
    EXPECT_EQ(ask(std::uint64_t{9} << 56 | 1, fuse::GetAttributes{}), ESTALE);
    EXPECT_EQ(ask(2, fuse::GetAttributes{}), ESTALE);
    const fuse_forget_one forgotten{file.nodeid, 1};
    EXPECT_EQ(ask(0, fuse::BatchForget{object_bytes(forgotten)}), 0);
    EXPECT_EQ(ask(file.nodeid, fuse::GetAttributes{}), ESTALE);
}

} // namespace
} // namespace msb::device
