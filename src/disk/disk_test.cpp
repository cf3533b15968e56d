#include "base/file.hpp"
#include "base/sizes.hpp"
#include "base/system.hpp"
#include "disk/merkle.hpp"
#include "disk/sparse_copy.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/sha.h>

namespace msb::disk {
namespace {

class DiskFiles : public ::testing::Test {
  public:
    DiskFiles() {
        std::string name = "/tmp/msb-disk-test-XXXXXX";
        directory_ = ::mkdtemp(name.data());
    }
    ~DiskFiles() override { (void)remove_tree(directory_); }
    DiskFiles(const DiskFiles&) = delete;
    DiskFiles& operator=(const DiskFiles&) = delete;

    OwnedFd make(const std::string& name, std::uint64_t size) const {
        OwnedFd fd = sys::open(directory_ + "/" + name, O_RDWR | O_CREAT | O_TRUNC).value();
        EXPECT_TRUE(sys::truncate(fd.get(), size));
        return fd;
    }

  protected:
    std::string directory_;
};

Hash root_of(int fd, std::uint64_t size, unsigned threads = 2) {
    return merkle_root(fd, size, threads).value();
}

TEST_F(DiskFiles, CopyKeepsHoles) {
    const OwnedFd from = make("from", 64 * mib);
    const OwnedFd to = make("to", 0);
    ASSERT_TRUE(sys::pwrite_all(from.get(), as_bytes("middle"), 32 * mib));
    ASSERT_TRUE(sys::pwrite_all(from.get(), as_bytes("end"), 64 * mib - 3));
    ASSERT_TRUE(copy_sparse(from.get(), to.get()));
    const struct stat info = sys::fstat(to.get()).value();
    EXPECT_EQ(static_cast<std::uint64_t>(info.st_size), 64 * mib);
    EXPECT_LT(info.st_blocks * 512, 1 << 20);
    EXPECT_EQ(root_of(from.get(), 64 * mib), root_of(to.get(), 64 * mib));
    Bytes data(6);
    ASSERT_TRUE(sys::pread_all(to.get(), data, 32 * mib));
    EXPECT_EQ(as_text(data), "middle");
}

TEST_F(DiskFiles, CopyBetweenFileSystemsAndCancelled) {
    const OwnedFd from = make("from", 40 * mib);
    ASSERT_TRUE(sys::pwrite_all(from.get(), Bytes(35 * mib, 7), 0));
    const OwnedFd elsewhere = sys::memfd("copy").value();
    ASSERT_TRUE(copy_sparse(from.get(), elsewhere.get()));
    EXPECT_EQ(root_of(from.get(), 40 * mib), root_of(elsewhere.get(), 40 * mib));

    int looks = 0;
    const OwnedFd half = sys::memfd("half").value();
    const Status cancelled = copy_sparse(from.get(), half.get(), [&](auto done, auto total) {
        EXPECT_LE(done, total);
        return ++looks == 2;
    });
    EXPECT_EQ(cancelled.error().kind(), ErrorKind::cancelled);
    EXPECT_FALSE(clone_file(directory_ + "/none", directory_ + "/to"));
    EXPECT_FALSE(exists(directory_ + "/to"));
}

TEST_F(DiskFiles, ExtentsOfHolesAndEnds) {
    const OwnedFd fd = make("file", 10 * mib);
    EXPECT_FALSE(next_extent(fd.get(), 0, 10 * mib).value());
    ASSERT_TRUE(sys::pwrite_all(fd.get(), Bytes(mib, 1), 4 * mib));
    const auto extent = next_extent(fd.get(), 0, 10 * mib).value();
    ASSERT_TRUE(extent);
    EXPECT_EQ(extent->begin, 4 * mib);
    EXPECT_EQ(extent->end, 5 * mib);
    EXPECT_EQ(next_extent(fd.get(), 0, 4 * mib + 7).value()->end, 4 * mib + 7);
    EXPECT_FALSE(next_extent(fd.get(), 5 * mib, 10 * mib).value());
    EXPECT_FALSE(next_extent(fd.get(), 0, 4 * mib).value());
}

/// The definition, word by word.
Bytes sha(const std::string& role, std::initializer_list<Bytes> parts) {
    const std::string domain = "msb-file-merkle-sha256-v1" + std::string(1, '\0') + role + '\0';
    Bytes all(domain.begin(), domain.end());
    for (const Bytes& part : parts)
        all.insert(all.end(), part.begin(), part.end());
    Bytes out(32);
    SHA256(all.data(), all.size(), out.data());
    return out;
}

TEST_F(DiskFiles, HashFollowsItsDefinition) {
    const OwnedFd fd = make("file", 70'000);
    ASSERT_TRUE(sys::pwrite_all(fd.get(), as_bytes("first"), 0));
    ASSERT_TRUE(sys::pwrite_all(fd.get(), as_bytes("last"), 70'000 - 4));
    Bytes first(65536), second(65536);
    std::copy_n("first", 5, first.begin());
    std::copy_n("last", 4, second.begin() + (70'000 - 65'536 - 4));
    Bytes top = sha("parent", {sha("leaf", {first}), sha("leaf", {second})});
    Bytes zeros = sha("leaf", {Bytes(65536)});
    for (int height = 1; height < 8; ++height) {
        zeros = sha("parent", {zeros, zeros});
        top = sha("parent", {top, zeros});
    }
    const Bytes shape = {0x70, 0x11, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 0, 0};
    EXPECT_EQ(to_hex(root_of(fd.get(), 70'000)), to_hex(sha("root", {shape, top})));
}

TEST_F(DiskFiles, HashKnowsNeitherHolesNorThreads) {
    const OwnedFd sparse = make("sparse", 100 * mib);
    const OwnedFd dense = make("dense", 100 * mib);
    ASSERT_TRUE(sys::pwrite_all(dense.get(), Bytes(40 * mib), 20 * mib));
    for (const OwnedFd* fd : {&sparse, &dense})
        ASSERT_TRUE(sys::pwrite_all(fd->get(), as_bytes("data"), 33 * mib + 5));
    EXPECT_EQ(root_of(sparse.get(), 100 * mib, 1), root_of(dense.get(), 100 * mib, 5));
    const Hash before = root_of(sparse.get(), 100 * mib);
    ASSERT_TRUE(sys::pwrite_all(sparse.get(), as_bytes("D"), 33 * mib + 5));
    EXPECT_NE(root_of(sparse.get(), 100 * mib), before);
    EXPECT_NE(root_of(dense.get(), 100 * mib - 1), before);
    EXPECT_EQ(root_of(dense.get(), 100 * mib), before);
}

TEST_F(DiskFiles, HashOfNothingAndOfMuchNothing) {
    const OwnedFd fd = make("file", 0);
    EXPECT_NE(root_of(fd.get(), 0), root_of(make("one", 1).get(), 1));
    const OwnedFd huge = make("huge", std::uint64_t{1} << 42); // at once, or this test times out
    EXPECT_EQ(root_of(huge.get(), std::uint64_t{1} << 42),
              root_of(huge.get(), std::uint64_t{1} << 42, 9));
}

TEST_F(DiskFiles, HashIsCancelledAndSaysThatAFileIsShort) {
    const OwnedFd fd = make("file", 256 * mib);
    ASSERT_TRUE(sys::pwrite_all(fd.get(), Bytes(256 * mib, 3), 0));
    const auto cancelled =
        merkle_root(fd.get(), 256 * mib, 1, [](auto done, auto total) { return done <= total; });
    EXPECT_EQ(cancelled.error().kind(), ErrorKind::cancelled);
    const OwnedFd odd = make("odd", 100);
    ASSERT_TRUE(sys::pwrite_all(odd.get(), Bytes(100, 3), 0));
    EXPECT_EQ(merkle_root(odd.get(), 200, 1).error().kind(), ErrorKind::corrupt);
}

} // namespace
} // namespace msb::disk
