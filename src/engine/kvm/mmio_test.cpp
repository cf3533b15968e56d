#include "engine/kvm/mmio.hpp"
#include "engine/kvm/testing/recording_backend.hpp"
#include "virtio/device.hpp"

#include <gtest/gtest.h>

namespace msb::engine::kvm {
namespace {

constexpr std::uint32_t block = 2;
constexpr std::uint32_t acknowledge = 1, driver = 2, driver_ok = 4, features_ok = 8,
                        needs_reset = 64;
constexpr std::uint64_t ram_size = 0x10'0000;

class Mmio : public ::testing::Test {
  protected:
    void SetUp() override { ASSERT_TRUE(device_.prepare()); }

    std::uint32_t read(std::uint64_t offset) {
        Bytes out(4, 0xee);
        device_.read(offset, out);
        return load_le<std::uint32_t>(out);
    }
    void write(std::uint64_t offset, std::uint32_t value) {
        EXPECT_TRUE(device_.write(offset, object_bytes(value)));
    }
    void set_status(std::uint32_t bits) { write(0x70, read(0x70) | bits); }
    void choose_features(std::uint64_t features) {
        for (std::uint32_t half = 0; half < 2; ++half) {
            write(0x24, half);
            write(0x20, static_cast<std::uint32_t>(features >> 32 * half));
        }
    }
    void set_up_queue(std::uint32_t index, std::uint32_t size, std::uint64_t at) {
        write(0x30, index);
        write(0x38, size);
        const std::uint64_t parts[] = {at, at + 0x1000, at + 0x2000};
        for (std::uint64_t part = 0; part < 3; ++part) {
            write(0x80 + 16 * part, static_cast<std::uint32_t>(parts[part]));
            write(0x84 + 16 * part, static_cast<std::uint32_t>(parts[part] >> 32));
        }
        write(0x44, 1);
    }
    /// As far as FEATURES_OK.
    void greet() {
        set_status(acknowledge | driver);
        choose_features(virtio::feature_version_1);
        set_status(features_ok);
        ASSERT_NE(read(0x70) & features_ok, 0u);
    }

    testing::RecordingBackend backend_;
    MmioDevice device_{block, backend_, {{0, ram_size, 0}, {1ULL << 32, ram_size, ram_size}}};
};

TEST_F(Mmio, IntroducesItself) {
    EXPECT_EQ(read(0x0), 0x74726976u);
    EXPECT_EQ(read(0x4), 2u);
    EXPECT_EQ(read(0x8), block);
    EXPECT_EQ(read(0x70), 0u);
    EXPECT_EQ(read(0xb0), 0xffffffffu); // no shared memory
    EXPECT_EQ(read(0x99), 0u);
    write(0x30, 1);
    EXPECT_EQ(read(0x34), 256u);
    write(0x30, 2); // there is no such queue
    EXPECT_EQ(read(0x34), 0u);
    Bytes narrow(2, 1);
    device_.read(0x0, narrow);
    EXPECT_EQ(narrow, Bytes(2, 0));
}

TEST_F(Mmio, OffersOnlyWhatTheTransportKnows) {
    EXPECT_EQ(read(0x10), 0x30ffffffu);
    write(0x14, 1);
    EXPECT_EQ(read(0x10), 1u); // VERSION_1; not the packed ring, not the reset of one queue
    write(0x14, 2);
    EXPECT_EQ(read(0x10), 0u);
}

TEST_F(Mmio, DoesNotAgreeToWhatWasNotOffered) {
    for (const std::uint64_t features :
         {std::uint64_t{0}, std::uint64_t{1} << 34 | virtio::feature_version_1}) {
        write(0x70, 0);
        set_status(acknowledge | driver);
        choose_features(features);
        set_status(features_ok);
        EXPECT_EQ(read(0x70) & features_ok, 0u);
        set_status(driver_ok);
        EXPECT_NE(read(0x70) & needs_reset, 0u);
        EXPECT_EQ(backend_.starts, 0);
    }
}

TEST_F(Mmio, StartsWhatTheDriverHasSetUp) {
    greet();
    set_up_queue(1, 128, (1ULL << 32) + 0x4000);
    set_status(driver_ok);
    ASSERT_EQ(backend_.starts, 1);
    EXPECT_EQ(backend_.taken, virtio::feature_version_1);
    ASSERT_EQ(backend_.rings.size(), 1u);
    EXPECT_EQ(backend_.rings[0].index, 1);
    EXPECT_EQ(backend_.rings[0].size, 128);
    EXPECT_EQ(backend_.rings[0].descriptors, (1ULL << 32) + 0x4000);
    EXPECT_EQ(backend_.rings[0].available, (1ULL << 32) + 0x5000);
    EXPECT_EQ(backend_.rings[0].used, (1ULL << 32) + 0x6000);
    set_status(driver_ok); // once more is nothing new
    EXPECT_EQ(backend_.starts, 1);
}

TEST_F(Mmio, NothingOfARunningDeviceChanges) {
    greet();
    set_up_queue(0, 128, 0x4000);
    set_status(driver_ok);
    set_up_queue(0, 64, 0x8000);
    set_up_queue(1, 64, 0x8000);
    choose_features(0);
    EXPECT_EQ(backend_.starts, 1);
    write(0x30, 1);
    EXPECT_EQ(read(0x44), 0u);
    write(0x70, 0);
    EXPECT_EQ(backend_.resets, 1);
    EXPECT_EQ(read(0x70), 0u);
    write(0x70, 0);
    EXPECT_EQ(backend_.resets, 1);
    greet();
    set_up_queue(0, 32, 0xc000);
    set_status(driver_ok);
    EXPECT_EQ(backend_.starts, 2);
    EXPECT_EQ(backend_.rings.at(0).descriptors, 0xc000u);
}

TEST_F(Mmio, RingsThatAreNotInRamNeverReachTheBackend) {
    const struct {
        std::uint32_t size;
        std::uint64_t at;
    } bad[] = {{0, 0x4000},
               {3, 0x4000},
               {512, 0x4000},
               {16, 0x4001},
               {16, ram_size},
               {16, ram_size - 0x2000}, // its used ring begins where RAM ends
               {256, ram_size - 0x2400},
               {16, (1ULL << 32) - 16},
               {16, ~std::uint64_t{0} - 0x1fff},
               {16, ~std::uint64_t{15}}};
    for (const auto& [size, at] : bad) {
        greet();
        set_up_queue(0, size, at);
        set_status(driver_ok);
        EXPECT_NE(read(0x70) & needs_reset, 0u) << size << ' ' << at;
        EXPECT_TRUE(device_.take_needs_interrupt());
        EXPECT_FALSE(device_.take_needs_interrupt());
        EXPECT_EQ(read(0x60), MmioDevice::config_change);
        write(0x70, 0);
    }
    EXPECT_EQ(backend_.starts, 0);
    EXPECT_EQ(backend_.resets, 0);
}

TEST_F(Mmio, InterruptsStayUntilTheyAreAcknowledged) {
    device_.note_used_buffers();
    ASSERT_TRUE(device_.note_config_change());
    EXPECT_EQ(read(0x60), 3u);
    write(0x64, 1);
    EXPECT_EQ(read(0x60), 2u);
    write(0x70, 0);
    EXPECT_EQ(read(0x60), 0u);
}

TEST_F(Mmio, ShowsTheConfigurationAndItsChanges) {
    Bytes byte(1);
    device_.read(0x100 + 59, byte);
    EXPECT_EQ(byte[0], 7);
    device_.read(0x100 + 60, byte);
    EXPECT_EQ(byte[0], 0);
    backend_.config[59] = 9;
    const std::uint32_t before = read(0xfc);
    ASSERT_TRUE(device_.note_config_change());
    EXPECT_NE(read(0xfc), before);
    device_.read(0x100 + 59, byte);
    EXPECT_EQ(byte[0], 9);

    ASSERT_TRUE(device_.write(0x100 + 58, Bytes{1, 2}));
    EXPECT_EQ(backend_.config[59], 2);
    ASSERT_TRUE(device_.write(0x100 + 59, Bytes{3, 4})); // beyond its end
    ASSERT_TRUE(device_.write(0xffc, Bytes{3, 4, 5, 6}));
    EXPECT_EQ(backend_.config[59], 2);
}

TEST_F(Mmio, ALostDeviceIsAnError) {
    greet();
    set_up_queue(0, 16, 0x4000);
    set_status(driver_ok);
    backend_.lost = true;
    EXPECT_FALSE(device_.write(0x70, Bytes(4)));
}

} // namespace
} // namespace msb::engine::kvm
