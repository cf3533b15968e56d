#include "device/rng/rng.hpp"
#include "virtio/testing/driver.hpp"

#include <gtest/gtest.h>

namespace msb::device {
namespace {

using virtio::testing::DriverRing;
using virtio::testing::Ram;

TEST(Rng, FillsBuffersAndLimitsTheRate) {
    auto loop = *EventLoop::create();
    Ram ram(4 << 20);
    DriverRing ring(ram, 512);
    virtio::Queue queue;
    Rng rng(*loop);
    ASSERT_TRUE(queue.start(ram.memory(), ring.config(), nullptr));
    rng.queue_started(0, queue);

    const std::uint64_t small = ram.allocate(64);
    ring.add({{small, 64, true}});
    rng.queue_kicked(0);
    const auto first = ring.used();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->length, 64u);
    EXPECT_NE(ram.load(small, 64), Bytes(64, 0));

    // §5.4.6.1: a device may fill less than it was given. A read-only buffer gets nothing.
    ring.add({{ram.allocate(10000), 10000, true}});
    ring.add({{ram.allocate(16), 16}});
    rng.queue_kicked(0);
    EXPECT_EQ(ring.used()->length, Rng::bytes_per_buffer);
    EXPECT_EQ(ring.used()->length, 0u);

    int served = 0;
    for (int i = 0; i < 100; ++i)
        ring.add({{small, 4096, true}});
    rng.queue_kicked(0);
    while (ring.used())
        ++served;
    EXPECT_LT(served, 30) << "a tenth of a second's worth";
    const auto begin = std::chrono::steady_clock::now();
    while (served < 100 && std::chrono::steady_clock::now() - begin < std::chrono::seconds(5)) {
        ASSERT_TRUE(loop->run_once(std::chrono::milliseconds(200)));
        while (ring.used())
            ++served;
    }
    EXPECT_EQ(served, 100) << "what waited is served in the next periods";
    EXPECT_GT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(200));
    rng.queue_stopped(0);
}

} // namespace
} // namespace msb::device
