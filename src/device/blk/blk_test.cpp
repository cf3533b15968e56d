#include "base/system.hpp"
#include "device/blk/blk.hpp"
#include "virtio/testing/driver.hpp"

#include <algorithm>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace msb::device {
namespace {

using virtio::testing::Buffer;
using virtio::testing::DriverRing;
using virtio::testing::Ram;

constexpr std::uint32_t in = 0;
constexpr std::uint32_t out = 1;
constexpr std::uint32_t flush = 4;
constexpr std::uint32_t get_id = 8;
constexpr std::uint32_t discard = 11;
constexpr std::uint32_t write_zeroes = 13;
constexpr int ok = 0;
constexpr int ioerr = 1;
constexpr int unsupp = 2;
constexpr std::uint64_t feature_flush = 1 << 9;
constexpr std::uint64_t feature_config_wce = 1 << 11;

Bytes numbered(std::size_t size, unsigned seed) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 256 + seed);
    return bytes;
}

struct BlkTest : public ::testing::Test {
    Ram ram{4 << 20};
    DriverRing ring{ram, 512};
    virtio::Queue queue;
    OwnedFd file = *sys::memfd("disk", numbered(64 << 10, 0));
    std::unique_ptr<EventLoop> loop = EventLoop::create().value();
    std::unique_ptr<Blk> blk;

    void make(Blk::Config config) {
        auto made = Blk::create(std::move(config));
        ASSERT_TRUE(made) << made.error().to_string();
        blk = std::move(*made);
        blk->set_loop(*loop);
        blk->set_features(blk->features());
        ASSERT_TRUE(queue.start(ram.memory(), ring.config(), nullptr));
        blk->queue_started(0, queue);
    }
    void make_plain(bool read_only = false, Durability durability = Durability::flush) {
        make({.extents = {{file.get(), 0, 64 << 10}},
              .read_only = read_only,
              .serial = "serial",
              .durability = durability});
    }

    struct Answer {
        int status = -1;
        std::uint32_t length = 0;
        Bytes data;
    };
    Answer request(std::uint32_t type, std::uint64_t sector, BytesView data, std::uint32_t room) {
        Bytes header(16);
        store_le(header, type);
        store_le(MutableBytesView(header).subspan(8), sector);
        std::vector<Buffer> buffers{{ram.store(header), 16}};
        if (!data.empty())
            buffers.push_back({ram.store(data), static_cast<std::uint32_t>(data.size())});
        const std::uint64_t into = ram.allocate(room + 1);
        if (room != 0)
            buffers.push_back({into, room, true});
        const std::uint64_t status = ram.store(Bytes(1, 0xee));
        buffers.push_back({status, 1, true});
        ring.add(buffers);
        return finish(into, room, status);
    }
    Answer finish(std::uint64_t into, std::uint32_t room, std::uint64_t status) {
        EXPECT_FALSE(blk->queue_kicked(0));
        const auto used = ring.used();
        EXPECT_TRUE(used);
        return used ? Answer{*ram.at(status), used->length, ram.load(into, room)} : Answer{};
    }
    int range_request(std::uint32_t type, std::uint64_t sector, std::uint32_t sectors,
                      std::uint32_t flags) {
        Bytes range(16);
        store_le(range, sector);
        store_le(MutableBytesView(range).subspan(8), sectors);
        store_le(MutableBytesView(range).subspan(12), flags);
        return request(type, 0, range, 0).status;
    }
    Bytes content(std::uint64_t offset, std::size_t size) {
        Bytes bytes(size);
        EXPECT_TRUE(sys::pread_all(file.get(), bytes, offset));
        return bytes;
    }
};

TEST_F(BlkTest, GrowsWithItsFileAndNeverShrinks) {
    make_plain();
    constexpr std::uint64_t first_new = 128; // sector
    const Bytes data = numbered(512, 9);
    EXPECT_EQ(request(out, first_new, data, 0).status, ioerr);
    ASSERT_TRUE(sys::truncate(file.get(), 96 << 10));
    EXPECT_FALSE(blk->grow(32 << 10));
    EXPECT_FALSE(blk->grow((96 << 10) + 1));
    ASSERT_TRUE(blk->grow(96 << 10));
    Bytes capacity(8);
    blk->read_config(0, capacity);
    EXPECT_EQ(load_le<std::uint64_t>(capacity), 192u);
    EXPECT_EQ(request(out, first_new, data, 0).status, ok);
    EXPECT_EQ(content(64 << 10, 512), data);
    EXPECT_EQ(request(out, 192, data, 0).status, ioerr);
}

TEST_F(BlkTest, ReadsAndWrites) {
    make_plain();
    const Answer read = request(in, 3, {}, 1024);
    EXPECT_EQ(read.status, ok);
    EXPECT_EQ(read.length, 1025u);
    EXPECT_EQ(read.data, content(1536, 1024));
    const Bytes data = numbered(1536, 99);
    EXPECT_EQ(request(out, 5, data, 0).status, ok);
    EXPECT_EQ(content(5 * 512UL, 1536), data);
}

TEST_F(BlkTest, AnyFramingIsUnderstood) { // §2.7.4.1: header, data and status cut anywhere
    make_plain();
    Bytes header(16);
    store_le(MutableBytesView(header).subspan(8), std::uint64_t{2});
    const std::uint64_t into = ram.allocate(513);
    ring.add({{ram.store(BytesView(header).first(3)), 3},
              {ram.store(BytesView(header).subspan(3)), 13},
              {into, 100, true},
              {into + 100, 413, true}},
             true);
    const Answer answer = finish(into, 512, into + 512);
    EXPECT_EQ(answer.status, ok);
    EXPECT_EQ(answer.data, content(1024, 512));
}

TEST_F(BlkTest, ConcatenationReadsAndWritesAcrossSeams) {
    const OwnedFd other = *sys::memfd("other", numbered(8192, 50));
    make({.extents = {{file.get(), 1024, 512}, {other.get(), 512, 1024}, {file.get(), 0, 512}}});
    const Answer read = request(in, 0, {}, 2048);
    Bytes expected = content(1024, 512);
    const Bytes middle = numbered(8192, 50);
    expected.insert(expected.end(), middle.begin() + 512, middle.begin() + 1536);
    const Bytes last = content(0, 512);
    expected.insert(expected.end(), last.begin(), last.end());
    EXPECT_EQ(read.status, ok);
    EXPECT_EQ(read.data, expected);

    const Bytes data = numbered(1024, 3);
    EXPECT_EQ(request(out, 2, data, 0).status, ok);
    Bytes piece(512);
    ASSERT_TRUE(sys::pread_all(other.get(), piece, 1024));
    EXPECT_TRUE(std::equal(piece.begin(), piece.end(), data.begin()));
    EXPECT_EQ(content(0, 512), Bytes(data.begin() + 512, data.end()));
    EXPECT_EQ(request(in, 3, {}, 1024).status, ioerr);
}

TEST_F(BlkTest, RangesOutsideTheDiskFailAsAWhole) {
    make_plain();
    EXPECT_EQ(request(in, 127, {}, 512).status, ok);
    EXPECT_EQ(request(in, 127, {}, 1024).status, ioerr);
    EXPECT_EQ(request(in, 128, {}, 512).status, ioerr);
    EXPECT_EQ(request(in, UINT64_MAX, {}, 512).status, ioerr);
    EXPECT_EQ(request(in, UINT64_MAX / 512 + 1, {}, 512).status, ioerr);
    EXPECT_EQ(request(out, 128, numbered(512, 1), 0).status, ioerr);
    EXPECT_EQ(request(in, 0, {}, 511).status, ioerr);
    EXPECT_EQ(request(out, 0, numbered(100, 1), 0).status, ioerr);
    EXPECT_EQ(content(0, 64 << 10), numbered(64 << 10, 0));
}

TEST_F(BlkTest, FailedReadClaimsNothingBeyondWhatWasRead) {
    ASSERT_TRUE(sys::truncate(file.get(), 1024)); // the file shrinks behind the device's back
    make_plain();
    const Answer read = request(in, 0, {}, 2048);
    EXPECT_EQ(read.status, ioerr);
    EXPECT_EQ(read.length, 1024u);
}

TEST_F(BlkTest, ReadOnlyRefusesEveryChange) { // §5.2.6.2
    make_plain(true);
    EXPECT_EQ(request(out, 0, numbered(512, 1), 0).status, ioerr);
    EXPECT_EQ(range_request(discard, 0, 8, 0), ioerr);
    EXPECT_EQ(range_request(write_zeroes, 0, 8, 0), ioerr);
    EXPECT_EQ(request(in, 0, {}, 512).status, ok);
    EXPECT_NE(blk->features() & (1 << 5), 0u);
    EXPECT_EQ(content(0, 64 << 10), numbered(64 << 10, 0));
}

TEST_F(BlkTest, DiscardAndWriteZeroes) {
    make_plain();
    EXPECT_EQ(range_request(write_zeroes, 8, 8, 0), ok);
    EXPECT_EQ(content(4096, 4096), Bytes(4096, 0));
    EXPECT_EQ(range_request(write_zeroes, 16, 8, 1), ok);
    EXPECT_EQ(content(8192, 4096), Bytes(4096, 0));
    EXPECT_EQ(range_request(write_zeroes, 33, 1, 0), ok);
    EXPECT_EQ(content(33 * 512UL, 512), Bytes(512, 0));
    const Bytes before = numbered(64 << 10, 0);
    EXPECT_TRUE(
        std::ranges::equal(content(34 * 512UL, 512), BytesView(before).subspan(34 * 512UL, 512)));
    EXPECT_EQ(range_request(discard, 24, 8, 0), ok);
    EXPECT_EQ(range_request(discard, 24, 8, 1), unsupp);
    EXPECT_EQ(range_request(write_zeroes, 24, 8, 2), unsupp);
    EXPECT_EQ(range_request(discard, 120, 9, 0), ioerr);
    EXPECT_EQ(range_request(write_zeroes, UINT64_MAX, 8, 0), ioerr);
    EXPECT_EQ(request(discard, 0, Bytes(15), 0).status, ioerr);
    EXPECT_EQ(request(discard, 0, Bytes(16UL * 17), 0).status, ioerr);
}

TEST_F(BlkTest, FlushIdAndUnknownRequests) {
    make_plain();
    EXPECT_EQ(request(flush, 0, {}, 0).status, ok);
    const Answer id = request(get_id, 0, {}, 20);
    EXPECT_EQ(id.status, ok);
    EXPECT_EQ(as_text(BytesView(id.data).first(7)), std::string_view("serial\0", 7));
    EXPECT_EQ(request(77, 0, {}, 0).status, unsupp);
}

TEST_F(BlkTest, MalformedChainsAreAnswered) {
    make_plain();
    const std::uint64_t status = ram.store(Bytes(1, 0xee));
    ring.add({{ram.store(Bytes(7)), 7}, {status, 1, true}}); // header too short
    EXPECT_EQ(finish(status, 0, status).status, ioerr);
    ring.add({{ram.store(Bytes(16)), 16}}); // nowhere to put a status
    EXPECT_EQ(finish(status, 0, status).length, 0u);
    ring.add({{status, 1, true}});
    EXPECT_EQ(finish(status, 0, status).status, ioerr);
}

TEST_F(BlkTest, CacheModeFollowsTheDriver) { // §5.2.5, §5.2.6.2
    make_plain();
    EXPECT_NE(blk->features() & feature_flush, 0u);
    Bytes mode(1);
    blk->read_config(32, mode);
    EXPECT_EQ(mode[0], 1);
    blk->write_config(32, Bytes{0});
    blk->read_config(32, mode);
    EXPECT_EQ(mode[0], 0);
    blk->write_config(0, Bytes(8, 0xff)); // the capacity is not for the guest to choose
    Bytes capacity(8);
    blk->read_config(0, capacity);
    EXPECT_EQ(load_le<std::uint64_t>(capacity), 128u);
    blk->set_features(blk->features() & ~feature_config_wce);
    blk->write_config(32, Bytes{1});
    blk->read_config(32, mode);
    EXPECT_EQ(mode[0], 0) << "without CONFIG_WCE the field is read-only";
}

TEST_F(BlkTest, ThrowAwayDiskOffersNoFlush) {
    make_plain(false, Durability::none);
    EXPECT_EQ(blk->features() & feature_flush, 0u);
    EXPECT_EQ(request(flush, 0, {}, 0).status, ok);
}

/// A disk whose host has no room for changes, until make_room().
struct FullBlkTest : BlkTest {
    OwnedFd disk{::open("/dev/full", O_RDWR | O_CLOEXEC)};
    std::vector<bool> told; ///< what on_full was called with

    void SetUp() override {
        if (!disk)
            GTEST_SKIP() << "SKIP: no /dev/full";
    }
    void make_full(std::chrono::milliseconds patience) {
        make({.extents = {{disk.get(), 0, 64 << 10}},
              .on_full = [this](bool waiting) { told.push_back(waiting); },
              .retry_period = std::chrono::milliseconds(1),
              .patience = patience});
    }
    void make_room() { ASSERT_EQ(::dup2(file.get(), disk.get()), disk.get()); }
    /// Asks for a write; where its status will be.
    std::uint64_t begin_write(std::uint64_t sector, BytesView data) {
        Bytes header(16);
        store_le(header, out);
        store_le(MutableBytesView(header).subspan(8), sector);
        const std::uint64_t status = ram.store(Bytes(1, 0xee));
        ring.add({{ram.store(header), 16},
                  {ram.store(data), static_cast<std::uint32_t>(data.size())},
                  {status, 1, true}},
                 true);
        EXPECT_FALSE(blk->queue_kicked(0));
        return status;
    }
    int wait_status(std::uint64_t status) {
        for (int i = 0; i < 10'000 && !ring.used(); ++i)
            EXPECT_TRUE(loop->run_once(std::chrono::milliseconds(10)));
        return *ram.at(status);
    }
};

TEST_F(FullBlkTest, WritesWaitForRoomAndOthersGoOn) {
    make_full(std::chrono::hours(1));
    const Bytes data = numbered(512, 1);
    const std::uint64_t status = begin_write(3, data);
    for (int i = 0; i < 5; ++i)
        EXPECT_TRUE(loop->run_once(std::chrono::milliseconds(10)));
    EXPECT_FALSE(ring.used());
    EXPECT_EQ(request(in, 0, {}, 512).status, ok);
    make_room();
    EXPECT_EQ(wait_status(status), ok);
    EXPECT_EQ(content(3 * 512UL, 512), data);
    EXPECT_EQ(told, (std::vector{true, false}));
}

TEST_F(FullBlkTest, AfterAWhileItIsAnIoError) {
    make_full(std::chrono::milliseconds(20));
    EXPECT_EQ(wait_status(begin_write(0, numbered(512, 1))), ioerr);
    EXPECT_EQ(told, (std::vector{true, false}));
}

TEST_F(FullBlkTest, WhatIsHeldIsBoundedAndNothingIsLost) {
    make_full(std::chrono::hours(1));
    std::vector<std::uint64_t> places;
    places.reserve(400);
    for (unsigned i = 0; i < 400; ++i)
        places.push_back(begin_write(i % 128, numbered(512, i)));
    EXPECT_LT(queue.next_available(), 400) << "the rest is left in the ring";
    make_room();
    for (const std::uint64_t place : places)
        EXPECT_EQ(wait_status(place), ok);
    EXPECT_EQ(told, (std::vector{true, false}));
}

TEST_F(FullBlkTest, ARequestThatTheGuestChangesMeanwhileIsJudgedAnew) {
    make_full(std::chrono::hours(1));
    Bytes header(16);
    store_le(header, out);
    const std::uint64_t at = ram.store(header);
    const std::uint64_t into = ram.allocate(513);
    ring.add({{at, 16}, {ram.store(Bytes(512)), 512}, {into, 513, true}}, true);
    EXPECT_FALSE(blk->queue_kicked(0));
    *ram.at(at) = in;
    EXPECT_EQ(wait_status(into + 512), ok);
}

TEST_F(FullBlkTest, AQueueThatStopsForgetsWhatIsHeld) {
    make_full(std::chrono::hours(1));
    begin_write(0, numbered(512, 1));
    blk->queue_stopped(0);
    make_room();
    for (int i = 0; i < 5; ++i)
        EXPECT_TRUE(loop->run_once(std::chrono::milliseconds(5)));
    EXPECT_FALSE(ring.used());
    EXPECT_EQ(told, (std::vector{true, false}));
}

TEST_F(BlkTest, ImpossibleDisksAreRefused) {
    const auto refused = [](Blk::Config config) {
        const auto made = Blk::create(std::move(config));
        return !made && made.error().kind() == ErrorKind::invalid_argument;
    };
    const int fd = file.get();
    EXPECT_TRUE(refused({}));
    EXPECT_TRUE(refused({.extents = {{fd, 0, 0}}}));
    EXPECT_TRUE(refused({.extents = {{fd, 0, 100}}}));
    EXPECT_TRUE(refused({.extents = {{-1, 0, 512}}}));
    EXPECT_TRUE(refused({.extents = {{fd, UINT64_MAX - 511, 1024}}}));
    EXPECT_TRUE(
        refused({.extents = {{fd, 0, std::uint64_t{1} << 63}, {fd, 0, std::uint64_t{1} << 63}}}));
    EXPECT_TRUE(refused({.extents = {{fd, 0, 512}}, .serial = std::string(21, 'x')}));
    EXPECT_TRUE(refused({.extents = {{fd, 0, 512}}, .queues = 0}));
}

/// A file whose content is not in the page cache, where the file system allows that.
OwnedFd cold_file(const Bytes& content) {
    std::string name = "msb-cold.XXXXXX"; // not in /tmp, which may be memory
    OwnedFd fd(::mkostemp(name.data(), O_CLOEXEC));
    EXPECT_TRUE(fd);
    ::unlink(name.c_str());
    EXPECT_TRUE(sys::pwrite_all(fd.get(), content, 0));
    EXPECT_TRUE(sys::fsync(fd.get()));
    EXPECT_EQ(::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
    return fd;
}

TEST_F(BlkTest, ReadsThatWaitForTheDiskAreAllAnswered) {
    const Bytes bytes = numbered(1 << 20, 9);
    const OwnedFd cold = cold_file(bytes);
    make({.extents = {{cold.get(), 0, 512 << 10}, {cold.get(), 512 << 10, 512 << 10}}});
    constexpr std::uint64_t count = 50;
    std::vector<std::uint64_t> places;
    for (std::uint64_t i = 0; i < count; ++i) {
        Bytes header(16);
        store_le(MutableBytesView(header).subspan(8), 41 * i);
        places.push_back(ram.allocate(2049));
        ring.add({{ram.store(header), 16}, {places.back(), 2049, true}}, true);
    }
    EXPECT_FALSE(blk->queue_kicked(0));
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto used = ring.used();
        ASSERT_TRUE(used);
        EXPECT_EQ(used->length, 2049u);
        EXPECT_TRUE(std::ranges::equal(ram.load(places[i], 2048),
                                       BytesView(bytes).subspan(41 * 512UL * i, 2048)));
        EXPECT_EQ(*ram.at(places[i] + 2048), ok);
    }
}

TEST_F(BlkTest, ManyRequestsInOneRound) {
    make_plain();
    std::vector<std::uint64_t> places;
    for (std::uint64_t i = 0; i < 100; ++i) {
        Bytes header(16);
        store_le(MutableBytesView(header).subspan(8), i);
        places.push_back(ram.allocate(513));
        ring.add({{ram.store(header), 16}, {places.back(), 513, true}}, true);
    }
    EXPECT_FALSE(blk->queue_kicked(0));
    for (std::uint64_t i = 0; i < 100; ++i) {
        ASSERT_TRUE(ring.used());
        EXPECT_EQ(ram.load(places[i], 512), content(i * 512, 512));
    }
}

} // namespace
} // namespace msb::device
