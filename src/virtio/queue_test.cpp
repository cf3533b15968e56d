#include "base/system.hpp"
#include "virtio/queue.hpp"
#include "virtio/testing/driver.hpp"

#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace msb::virtio {
namespace {

using testing::desc_indirect;
using testing::desc_next;
using testing::desc_write;
using testing::DriverRing;
using testing::Ram;

struct QueueTest : public ::testing::Test {
    Ram ram{1 << 20};
    DriverRing ring{ram, 8};
    Queue queue;
    Chain chain;
    std::string reason;
    std::array<OwnedFd, 2> call = *sys::socket_pair(SOCK_STREAM);

    void SetUp() override { start(ring.config()); }
    void start(const Queue::Config& config) {
        ASSERT_TRUE(
            queue.start(ram.memory(), config, [this](std::string_view why) { reason = why; }));
        queue.set_interrupt(*Interrupt::adopt(*sys::dup(call[0].get())));
    }
    std::uint64_t interrupts() {
        std::array<std::uint8_t, 1024> events{};
        const ssize_t size = ::recv(call[1].get(), events.data(), events.size(), MSG_DONTWAIT);
        return size < 0 ? 0 : static_cast<std::uint64_t>(size) / sizeof(std::uint64_t);
    }
    void expect_broken(const char* part) {
        EXPECT_FALSE(queue.pop(chain));
        EXPECT_TRUE(queue.broken());
        EXPECT_NE(reason.find(part), std::string::npos) << reason;
        queue.push(chain, 0);
        queue.notify();
        EXPECT_FALSE(queue.arm());
        EXPECT_FALSE(ring.used());
    }
};

TEST_F(QueueTest, DirectChainIsTranslatedInOrderAndReturned) {
    const std::uint64_t a = ram.store(as_bytes("hello "));
    const std::uint64_t b = ram.store(as_bytes("world"));
    const std::uint64_t c = ram.allocate(16);
    ring.add({{a, 6}, {b, 5}, {c, 16, true}});
    ASSERT_TRUE(queue.pop(chain));
    EXPECT_EQ(chain.readable_size, 11u);
    EXPECT_EQ(chain.writable_size, 16u);
    Bytes text(20);
    Cursor reader = chain.reader();
    EXPECT_EQ(reader.read(text), 11u);
    EXPECT_EQ(as_text(BytesView(text).first(11)), "hello world");
    EXPECT_EQ(chain.writer().write(as_bytes("answer")), 6u);
    queue.push(chain, 6);
    const auto used = ring.used();
    ASSERT_TRUE(used);
    EXPECT_EQ(used->head, 0u);
    EXPECT_EQ(used->length, 6u);
    EXPECT_EQ(as_text(ram.load(c, 6)), "answer");
    EXPECT_FALSE(queue.pop(chain));
    EXPECT_FALSE(queue.broken());
}

TEST_F(QueueTest, IndirectTableMayFollowDirectDescriptors) { // §2.7.5.3.2
    const std::uint64_t data = ram.store(as_bytes("abc"));
    ring.add({{data, 3}, {data, 3}, {ram.allocate(4), 4, true}}, true);
    ASSERT_TRUE(queue.pop(chain));
    EXPECT_EQ(chain.readable_size, 6u);
    EXPECT_EQ(chain.writable_size, 4u);

    const std::uint64_t table = ram.allocate(16);
    std::memcpy(ram.at(table), &data, 8);
    const std::uint32_t three = 3;
    std::memcpy(ram.at(table) + 8, &three, 4);
    ring.set_descriptor(4, data, 2, desc_next, 5);
    ring.set_descriptor(5, table, 16, desc_indirect, 0);
    ring.publish(4);
    ASSERT_TRUE(queue.pop(chain));
    EXPECT_EQ(chain.readable_size, 5u);
}

TEST_F(QueueTest, ZeroLengthDescriptorsAreSkipped) {
    ring.add({{Ram::guest_base, 0}, {ram.store(as_bytes("x")), 1}});
    ASSERT_TRUE(queue.pop(chain));
    EXPECT_EQ(chain.readable.size(), 1u);
}

TEST_F(QueueTest, EventIndexInterruptsOnceWhenPassed) { // §2.7.10
    const std::uint64_t data = ram.store(as_bytes("x"));
    ring.set_used_event(2); // after the third buffer
    for (int i = 0; i < 4; ++i)
        ring.add({{data, 1}});
    for (int i = 0; i < 4; ++i) {
        ASSERT_TRUE(queue.pop(chain));
        queue.push(chain, 0);
        queue.notify();
        EXPECT_EQ(interrupts(), i == 2 ? 1u : 0u) << i;
    }
}

TEST_F(QueueTest, ArmTellsThePlaceAndSeesALateBuffer) {
    EXPECT_FALSE(queue.arm());
    EXPECT_EQ(ring.available_event(), 0);
    ring.add({{ram.store(as_bytes("x")), 1}});
    EXPECT_TRUE(queue.arm());
    ASSERT_TRUE(queue.pop(chain));
    EXPECT_FALSE(queue.arm());
    EXPECT_EQ(ring.available_event(), 1);
}

TEST_F(QueueTest, IndicesWrapAround) {
    auto config = ring.config();
    config.next_available = 65534;
    start(config);
    ring.set_available_index(65534);
    const std::uint64_t data = ram.store(as_bytes("x"));
    for (int i = 0; i < 4; ++i) {
        ring.add({{data, 1}});
        ASSERT_TRUE(queue.pop(chain)) << i;
        queue.push(chain, 0);
    }
    EXPECT_EQ(queue.next_available(), 2);
}

TEST_F(QueueTest, LoopBreaksTheRing) {
    ring.set_descriptor(0, Ram::guest_base, 1, desc_next, 1);
    ring.set_descriptor(1, Ram::guest_base, 1, desc_next, 0);
    ring.publish(0);
    expect_broken("loop");
}

TEST_F(QueueTest, IndirectLoopBreaksTheRing) {
    const std::uint64_t table = ram.allocate(16);
    const std::uint16_t flags = desc_next;
    std::memcpy(ram.at(table) + 12, &flags, 2);
    ring.set_descriptor(0, table, 16, desc_indirect, 0);
    ring.publish(0);
    expect_broken("loop");
}

TEST_F(QueueTest, NestedIndirectBreaksTheRing) {
    const std::uint64_t table = ram.allocate(16);
    const std::uint16_t flags = desc_indirect;
    std::memcpy(ram.at(table) + 12, &flags, 2);
    ring.set_descriptor(0, table, 16, desc_indirect, 0);
    ring.publish(0);
    expect_broken("inside an indirect");
}

TEST_F(QueueTest, IndirectWithNextBreaksTheRing) {
    ring.set_descriptor(0, ram.allocate(16), 16, desc_indirect | desc_next, 1);
    ring.publish(0);
    expect_broken("indirect descriptor where");
}

TEST_F(QueueTest, IndirectTableOfOddSizeBreaksTheRing) {
    ring.set_descriptor(0, ram.allocate(32), 17, desc_indirect, 0);
    ring.publish(0);
    expect_broken("impossible size");
}

TEST_F(QueueTest, IndirectWithoutTheFeatureBreaksTheRing) {
    auto config = ring.config();
    config.indirect = false;
    start(config);
    ring.add({{ram.allocate(1), 1}}, true);
    expect_broken("indirect descriptor where");
}

TEST_F(QueueTest, ReadableAfterWritableBreaksTheRing) { // §2.7.4.2
    ring.add({{ram.allocate(8), 8, true}, {ram.allocate(8), 8}});
    expect_broken("behind a writable");
}

TEST_F(QueueTest, AddressesOutsideMemoryBreakTheRing) {
    ring.set_descriptor(0, Ram::guest_base + ram.size() - 4, 5, desc_write, 0);
    ring.publish(0);
    expect_broken("outside guest memory");
}

TEST_F(QueueTest, WrappingAddressBreaksTheRing) {
    ring.set_descriptor(0, UINT64_MAX - 3, 8, 0, 0);
    ring.publish(0);
    expect_broken("outside guest memory");
}

TEST_F(QueueTest, HeadOutOfRangeBreaksTheRing) {
    ring.publish(8);
    expect_broken("does not exist");
}

TEST_F(QueueTest, NextOutOfRangeBreaksTheRing) {
    ring.set_descriptor(0, Ram::guest_base, 1, desc_next, 8);
    ring.publish(0);
    expect_broken("leaves the table");
}

TEST_F(QueueTest, RunawayAvailableIndexBreaksTheRing) {
    ring.set_available_index(9);
    expect_broken("runs ahead");
}

TEST_F(QueueTest, ChainOfFourGiBBreaksTheRing) {
    // The same megabyte again and again, from an indirect table of 1024.
    std::vector<testing::Buffer> buffers(1024, {Ram::guest_base, 1 << 20});
    Ram big(8 << 20);
    DriverRing other(big, 8);
    ASSERT_TRUE(
        queue.start(big.memory(), other.config(), [this](std::string_view why) { reason = why; }));
    for (auto& buffer : buffers)
        buffer.length = 5 << 20;
    other.add(buffers, true);
    EXPECT_FALSE(queue.pop(chain));
    EXPECT_NE(reason.find("4 GiB"), std::string::npos) << reason;
}

TEST_F(QueueTest, BadAreasAreRefused) {
    auto config = ring.config();
    config.size = 6;
    EXPECT_FALSE(queue.start(ram.memory(), config, nullptr));
    config = ring.config();
    config.size = 2048;
    EXPECT_FALSE(queue.start(ram.memory(), config, nullptr));
    config = ring.config();
    config.used += 2;
    EXPECT_FALSE(queue.start(ram.memory(), config, nullptr));
    config = ring.config();
    config.descriptors = Ram::user_base + ram.size() - 16;
    EXPECT_FALSE(queue.start(ram.memory(), config, nullptr));
    EXPECT_FALSE(queue.running());
}

TEST_F(QueueTest, TruncatedMemoryBreaksTheRingAndNotTheProcess) {
    ring.add({{ram.store(as_bytes("x")), 1}});
    ASSERT_TRUE(sys::truncate(ram.fd(), 0));
    while (queue.pop(chain)) {
    }
    EXPECT_TRUE(ram.memory().faulted());
}

TEST(GuestMemory, CrossesAdjacentRegionsAndRefusesOverlap) {
    const auto region = [](std::uint64_t guest, std::uint64_t user, int fd) {
        return MemoryRegion{guest, 4096, user, 0, *sys::dup(fd)};
    };
    const OwnedFd fd = *sys::memfd("ram");
    ASSERT_TRUE(sys::truncate(fd.get(), 4096));
    std::vector<MemoryRegion> regions;
    regions.push_back(region(0x1000, 0x10000, fd.get()));
    regions.push_back(region(0x2000, 0x20000, fd.get()));
    const auto memory = GuestMemory::map(std::move(regions));
    ASSERT_TRUE(memory);
    std::vector<iovec> pieces;
    EXPECT_TRUE(memory->append(0x1ff0, 0x20, pieces, 4));
    EXPECT_EQ(pieces.size(), 2u);
    EXPECT_FALSE(memory->append(0x1ff0, 0x20, pieces, 3));
    EXPECT_FALSE(memory->append(0x2ff0, 0x11, pieces, 16));
    EXPECT_EQ(memory->translate(0x1ff0, 0x11), nullptr);
    EXPECT_NE(memory->translate_user(0x20ff0, 0x10), nullptr);
    EXPECT_EQ(memory->translate_user(0x20ff0, 0x11), nullptr);

    std::vector<MemoryRegion> overlapping;
    overlapping.push_back(region(0x1000, 0x10000, fd.get()));
    overlapping.push_back(region(0x1800, 0x20000, fd.get()));
    EXPECT_FALSE(GuestMemory::map(std::move(overlapping)));
    std::vector<MemoryRegion> short_file;
    short_file.push_back({0x1000, 8192, 0x1000, 0, *sys::dup(fd.get())});
    EXPECT_FALSE(GuestMemory::map(std::move(short_file)));
    std::vector<MemoryRegion> wrapping;
    wrapping.push_back({UINT64_MAX - 10, 4096, 0x1000, 0, *sys::dup(fd.get())});
    EXPECT_FALSE(GuestMemory::map(std::move(wrapping)));
}

} // namespace
} // namespace msb::virtio
