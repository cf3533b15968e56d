// The front-end against the back-end that there is, with a device of two queues behind it; and
// against one that answers wrongly.
#include "base/event_loop.hpp"
#include "base/system.hpp"
#include "virtio/frontend/frontend.hpp"
#include "virtio/testing/driver.hpp"
#include "virtio/vhost_user_session.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>

namespace msb::virtio {
namespace {

using namespace std::chrono_literals;
using testing::DriverRing;
using testing::Ram;

/// Gives every buffer back, with a byte more than was readable.
class Echo final : public Device {
  public:
    DeviceId id() const override { return DeviceId::block; }
    std::uint64_t features() const override { return 1 << 5; }
    std::uint16_t queue_count() const override { return 2; }
    void read_config(std::uint32_t offset, MutableBytesView out) override {
        copy_config(as_bytes("configuration"), offset, out);
    }
    void write_config(std::uint32_t offset, BytesView data) override {
        written_at = offset;
        written = data.size();
    }
    void set_features(std::uint64_t features) override { taken = features; }
    void queue_started(std::uint16_t index, Queue& queue) override { queues[index] = &queue; }
    void queue_stopped(std::uint16_t index) override {
        queues[index] = nullptr;
        ++stops;
    }
    bool queue_kicked(std::uint16_t index) override {
        Chain chain;
        do {
            while (queues[index]->pop(chain))
                queues[index]->push(chain, static_cast<std::uint32_t>(chain.readable_size + 1));
        } while (queues[index]->arm());
        queues[index]->notify();
        return false;
    }
    void reset() override { ++resets; }

    std::array<Queue*, 2> queues{};
    std::atomic<std::uint64_t> taken = 0;
    std::atomic<std::size_t> written = 0;
    std::atomic<std::uint32_t> written_at = 0;
    std::atomic<int> stops = 0, resets = 0;
};

/// The device is served by a thread, as the front-end waits for its answers.
class FrontendTest : public ::testing::Test {
  protected:
    void SetUp() override {
        auto pair = *sys::socket_pair(SOCK_STREAM);
        ASSERT_TRUE(sys::set_nonblocking(pair[0].get()));
        session_ = *VhostUserSession::create(*loop_, std::move(pair[0]), device_,
                                             [this](const Error&) { ended_ = true; });
        server_ = std::thread([this] { (void)loop_->run(); });
        const RamRange range{Ram::guest_base, ram_.size(), 0};
        auto created = Frontend::create(std::move(pair[1]), ram_.fd(), {&range, 1});
        ASSERT_TRUE(created) << created.error().to_string();
        frontend_ = std::move(*created);
    }
    void TearDown() override {
        loop_->post([this] {
            session_.reset();
            loop_->stop();
        });
        server_.join();
    }

    /// DriverRing says where its parts are in the tests' "front-end" address space.
    static RingSetup setup(const DriverRing& ring, std::uint16_t index) {
        const auto config = ring.config();
        const auto guest = [](std::uint64_t user) {
            return user - Ram::user_base + Ram::guest_base;
        };
        return {index, config.size, guest(config.descriptors), guest(config.available),
                guest(config.used)};
    }
    void kick(std::uint16_t index) {
        const std::uint64_t one = 1;
        ASSERT_TRUE(sys::write_all(frontend_->kick(index), object_bytes(one)));
    }

    Ram ram_{1 << 16};
    Echo device_;
    std::unique_ptr<EventLoop> loop_ = *EventLoop::create();
    std::unique_ptr<VhostUserSession> session_;
    std::atomic<bool> ended_ = false;
    std::thread server_;
    std::unique_ptr<Frontend> frontend_;
};

TEST_F(FrontendTest, KnowsTheDevice) {
    EXPECT_EQ(frontend_->features(),
              (1 << 5) | feature_indirect_desc | feature_event_index | feature_version_1);
    EXPECT_EQ(frontend_->queue_count(), 2);
    Bytes config(20);
    ASSERT_TRUE(frontend_->read_config(config));
    EXPECT_EQ(as_text(BytesView(config).first(13)), "configuration");
    EXPECT_EQ(config[13], 0);
    ASSERT_TRUE(frontend_->write_config(3, as_bytes("xy")));
    EXPECT_EQ(device_.written_at, 3u);
    EXPECT_EQ(device_.written, 2u);
}

TEST_F(FrontendTest, CarriesABufferThereAndBack) {
    DriverRing ring(ram_, 8);
    const RingSetup rings[] = {setup(ring, 1)};
    ASSERT_TRUE(frontend_->start(1 << 5 | feature_version_1 | feature_event_index, rings));
    EXPECT_EQ(device_.taken, 1u << 5);

    ring.add({{ram_.store(as_bytes("question")), 8, false}, {ram_.allocate(16), 16, true}});
    kick(1);
    ASSERT_TRUE(*sys::wait_for(frontend_->interrupts(), POLLIN, 10s));
    frontend_->take_interrupts();
    EXPECT_FALSE(*sys::wait_for(frontend_->interrupts(), POLLIN, 0ms));
    const auto used = ring.used();
    ASSERT_TRUE(used);
    EXPECT_EQ(used->length, 9u);
}

TEST_F(FrontendTest, AResetStopsTheRingsAndTheDeviceStartsAgain) {
    for (int round = 1; round <= 3; ++round) {
        DriverRing first(ram_, 8), second(ram_, 8);
        const RingSetup rings[] = {setup(first, 0), setup(second, 1)};
        ASSERT_TRUE(frontend_->start(feature_version_1 | feature_event_index, rings));
        first.add({{ram_.allocate(4), 4, true}});
        kick(0);
        ASSERT_TRUE(*sys::wait_for(frontend_->interrupts(), POLLIN, 10s));
        ASSERT_TRUE(frontend_->reset());
        EXPECT_EQ(device_.stops, 2 * round);
        EXPECT_EQ(device_.resets, round);
        frontend_->take_interrupts();
    }
}

TEST_F(FrontendTest, HearsOfChanges) {
    EXPECT_FALSE(*frontend_->take_notice());
    loop_->post([this] { session_->notify_config_change(); });
    ASSERT_TRUE(*sys::wait_for(frontend_->notices(), POLLIN, 10s));
    EXPECT_TRUE(*frontend_->take_notice());
}

TEST_F(FrontendTest, ARingOutsideMemoryIsAnErrorAndTheBackendDropsUs) {
    const RingSetup rings[] = {
        {.index = 0, .size = 8, .descriptors = 1, .available = 2, .used = 3}};
    EXPECT_FALSE(frontend_->start(feature_version_1, rings));
    const RingSetup unknown[] = {{.index = 9, .size = 8}};
    EXPECT_FALSE(frontend_->start(feature_version_1, unknown));
}

/// A back-end that answers the first question with these bytes.
ErrorKind answered_with(BytesView answer) {
    auto pair = *sys::socket_pair(SOCK_STREAM);
    EXPECT_TRUE(sys::write_all(pair[0].get(), answer));
    ::shutdown(pair[0].get(), SHUT_WR);
    const OwnedFd memory = *sys::memfd("ram", Bytes(4096));
    const RamRange range{0, 4096, 0};
    const auto created = Frontend::create(std::move(pair[1]), memory.get(), {&range, 1});
    EXPECT_FALSE(created);
    return created ? ErrorKind::busy : created.error().kind();
}

TEST(Frontend, RefusesWhatIsNoAnswer) {
    using namespace vhost_user;
    const auto features = static_cast<std::uint32_t>(Request::get_features);
    const std::uint32_t answer = flags_version | flag_reply;
    EXPECT_EQ(answered_with({}), ErrorKind::unreachable);
    EXPECT_EQ(answered_with(encode(features, flags_version, encode_u64(~0ULL))),
              ErrorKind::protocol); // a request
    EXPECT_EQ(answered_with(encode(features + 1, answer, encode_u64(~0ULL))), ErrorKind::protocol);
    EXPECT_EQ(answered_with(encode(features, answer, Bytes(4))), ErrorKind::protocol);
    EXPECT_EQ(answered_with(encode(features, answer, Bytes(1000))), ErrorKind::protocol);
    EXPECT_EQ(answered_with(encode(features, answer, encode_u64(feature_version_1))),
              ErrorKind::protocol); // has no protocol features
    EXPECT_EQ(answered_with(encode(features, answer, encode_u64(~0ULL))), ErrorKind::unreachable);
}

} // namespace
} // namespace msb::virtio
