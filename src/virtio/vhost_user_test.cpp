#include "base/event_loop.hpp"
#include "base/system.hpp"
#include "virtio/testing/driver.hpp"
#include "virtio/vhost_user_message.hpp"
#include "virtio/vhost_user_server.hpp"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace msb::virtio {
namespace {

using namespace vhost_user;
using testing::DriverRing;
using testing::Ram;

/// Returns every buffer with the length of its readable part.
class Loopback final : public Device {
  public:
    DeviceId id() const override { return DeviceId::entropy; }
    std::uint64_t features() const override { return 1 << 3; }
    std::uint16_t queue_count() const override { return 2; }
    void read_config(std::uint32_t offset, MutableBytesView out) override {
        copy_config(as_bytes("configuration"), offset, out);
    }
    void write_config(std::uint32_t, BytesView data) override {
        written.assign(data.begin(), data.end());
    }
    void set_features(std::uint64_t features) override { taken = features; }
    void queue_started(std::uint16_t index, Queue& queue) override { queues[index] = &queue; }
    void queue_stopped(std::uint16_t index) override { queues[index] = nullptr; }
    bool queue_kicked(std::uint16_t index) override {
        Chain chain;
        do {
            while (queues[index]->pop(chain))
                queues[index]->push(chain, static_cast<std::uint32_t>(chain.readable_size));
        } while (queues[index]->arm());
        queues[index]->notify();
        return false;
    }
    void reset() override { ++resets; }

    std::array<Queue*, 2> queues{};
    std::uint64_t taken = 0;
    Bytes written;
    int resets = 0;
};

std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
        ++count;
    return count;
}

class VhostUserTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string name = (std::filesystem::temp_directory_path() / "msb-vu.XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        directory_ = name;
        server_ =
            *VhostUserServer::create(*loop_, *sys::unix_listen(directory_ + "/s", 4), device_);
        connect();
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    void connect() {
        peer_ = *sys::unix_connect(directory_ + "/s");
        pump();
    }
    void pump() {
        for (int i = 0; i < 4; ++i)
            ASSERT_TRUE(loop_->run_once(std::chrono::milliseconds(0)));
    }
    void send_raw(BytesView data, const std::vector<int>& fds = {}) {
        testing::send_with_fds(peer_.get(), data, fds);
        pump();
    }
    void send(Request request, BytesView payload = {}, const std::vector<int>& fds = {},
              std::uint32_t flags = flags_version) {
        send_raw(encode(static_cast<std::uint32_t>(request), flags, payload), fds);
    }
    /// What has been answered so far, payload only; nothing if there is none.
    std::optional<Bytes> answer() {
        Bytes buffer(600);
        const ssize_t count = ::recv(peer_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (count < static_cast<ssize_t>(header_size))
            return std::nullopt;
        EXPECT_EQ(load_le<std::uint32_t>(BytesView(buffer).subspan(4)), flags_version | flag_reply);
        return Bytes(buffer.begin() + header_size, buffer.begin() + count);
    }
    std::uint64_t ask_u64(Request request) {
        send(request);
        const auto reply = answer();
        return reply && reply->size() == 8 ? load_le<std::uint64_t>(*reply) : UINT64_MAX;
    }
    void send_u64(Request request, std::uint64_t value, const std::vector<int>& fds = {}) {
        send(request, encode_u64(value), fds);
    }
    void send_state(Request request, std::uint32_t index, std::uint32_t value) {
        send_u64(request, (std::uint64_t{value} << 32) | index);
    }
    static Bytes memory_table(const std::vector<std::array<std::uint64_t, 4>>& regions) {
        Bytes payload(8 + 32 * regions.size());
        store_le(payload, static_cast<std::uint32_t>(regions.size()));
        for (std::size_t i = 0; i < regions.size(); ++i)
            std::memcpy(payload.data() + 8 + 32 * i, &regions[i], 32);
        return payload;
    }
    void send_memory() {
        send(Request::set_mem_table,
             memory_table({{Ram::guest_base, ram_.size(), Ram::user_base, 0}}), {ram_.fd()});
    }
    void send_address(std::uint32_t index, const Queue::Config& config) {
        const std::uint64_t words[5] = {index, config.descriptors, config.used, config.available,
                                        0};
        send(Request::set_vring_addr, {reinterpret_cast<const std::uint8_t*>(words), 40});
    }
    void start_ring(std::uint32_t index, DriverRing& ring) {
        send_state(Request::set_vring_num, index, ring.config().size);
        send_state(Request::set_vring_base, index, 0);
        send_address(index, ring.config());
        send_u64(Request::set_vring_call, index, {call_.get()});
        send_u64(Request::set_vring_kick, index, {kick_.get()});
        send_state(Request::set_vring_enable, index, 1);
    }
    void negotiate() {
        send(Request::set_owner);
        send_u64(Request::set_features, ask_u64(Request::get_features));
        send_u64(Request::set_protocol_features, ask_u64(Request::get_protocol_features));
    }
    void kick() {
        const std::uint64_t one = 1;
        ASSERT_EQ(::write(kick_.get(), &one, 8), 8);
        pump();
    }
    bool interrupted() {
        std::array<std::uint8_t, 256> events{};
        return ::recv(call_end_.get(), events.data(), events.size(), MSG_DONTWAIT) >= 8;
    }
    void expect_dropped() {
        pump();
        char byte;
        ssize_t count;
        while ((count = ::recv(peer_.get(), &byte, 1, MSG_DONTWAIT)) > 0) {
        }
        EXPECT_TRUE(count == 0 || errno == ECONNRESET);
        EXPECT_FALSE(server_->connected());
        EXPECT_EQ(device_.queues[0], nullptr);
    }

    std::unique_ptr<EventLoop> loop_ = *EventLoop::create();
    Loopback device_;
    std::string directory_;
    std::unique_ptr<VhostUserServer> server_;
    OwnedFd peer_;
    Ram ram_{1 << 20};
    OwnedFd kick_ = *sys::event_fd();
    std::array<OwnedFd, 2> calls_ = *sys::socket_pair(SOCK_STREAM);
    OwnedFd& call_ = calls_[0];
    OwnedFd& call_end_ = calls_[1];
};

TEST_F(VhostUserTest, RunsARingFromNegotiationToInterrupt) {
    negotiate();
    EXPECT_EQ(device_.taken, 1u << 3);
    EXPECT_EQ(ask_u64(Request::get_queue_num), 2u);
    send_memory();
    DriverRing ring(ram_, 16);
    start_ring(1, ring);
    ring.add({{ram_.store(as_bytes("12345")), 5}});
    kick();
    const auto used = ring.used();
    ASSERT_TRUE(used);
    EXPECT_EQ(used->length, 5u);
    EXPECT_TRUE(interrupted());

    send_state(Request::get_vring_base, 1, 0);
    const auto base = answer();
    ASSERT_TRUE(base);
    EXPECT_EQ(load_le<std::uint32_t>(BytesView(*base).subspan(4)), 1u);
    ring.add({{ram_.store(as_bytes("1")), 1}});
    kick();
    EXPECT_FALSE(ring.used()) << "a stopped ring must stay untouched";

    send_u64(Request::set_vring_kick, 1, {kick_.get()});
    EXPECT_TRUE(ring.used()) << "it goes on where it stopped";
}

TEST_F(VhostUserTest, InterruptsThroughASocketWithoutEverBlocking) {
    negotiate();
    send_memory();
    DriverRing ring(ram_, 256);
    start_ring(0, ring);
    auto pipe = *sys::socket_pair(SOCK_STREAM);
    send_u64(Request::set_vring_call, 0, {pipe[1].get()});
    ASSERT_TRUE(sys::set_nonblocking(pipe[1].get(), false)); // the flags are shared
    while (::send(pipe[1].get(), Bytes(4096).data(), 4096, MSG_DONTWAIT) > 0) { // and the queue
    }
    const std::uint64_t data = ram_.store(as_bytes("x"));
    for (std::uint16_t i = 0; i < 250; ++i) {
        ring.set_used_event(i);
        ring.add({{data, 1}});
        kick();
        EXPECT_TRUE(ring.used());
    }
}

TEST_F(VhostUserTest, ServesConfigurationAndAcknowledges) {
    negotiate();
    Bytes access(12 + 20);
    store_le(access, std::uint32_t{3});
    store_le(MutableBytesView(access).subspan(4), std::uint32_t{20});
    send(Request::get_config, access);
    const auto config = answer();
    ASSERT_TRUE(config && config->size() == access.size());
    EXPECT_EQ(as_text(BytesView(*config).subspan(12)),
              std::string("figuration") + std::string(10, '\0'));
    send(Request::set_config, access, {}, flags_version | flag_need_reply);
    const auto ack = answer();
    ASSERT_TRUE(ack);
    EXPECT_EQ(load_le<std::uint64_t>(*ack), 0u);
    EXPECT_EQ(device_.written.size(), 20u);
}

TEST_F(VhostUserTest, TellsAboutConfigurationChanges) {
    negotiate();
    auto pipe = *sys::socket_pair(SOCK_STREAM);
    send(Request::set_backend_req_fd, {}, {pipe[1].get()});
    server_->notify_config_change();
    std::uint32_t header[3] = {};
    EXPECT_EQ(::read(pipe[0].get(), header, sizeof(header)), 12);
    EXPECT_EQ(header[0], backend_config_change);
    EXPECT_EQ(header[1], flags_version);
}

TEST_F(VhostUserTest, BrokenRingNeedsAReset) {
    negotiate();
    send_memory();
    DriverRing ring(ram_, 16);
    start_ring(0, ring);
    ring.publish(99);
    kick();
    EXPECT_EQ(ask_u64(Request::get_status) & 64, 64u);
    EXPECT_TRUE(server_->connected());
    send_u64(Request::set_status, 0);
    EXPECT_EQ(ask_u64(Request::get_status), 0u);
    EXPECT_EQ(device_.resets, 1);
    EXPECT_EQ(device_.queues[0], nullptr);
}

TEST_F(VhostUserTest, FrontEndMayComeBack) {
    negotiate();
    send_memory();
    DriverRing ring(ram_, 16);
    start_ring(0, ring);
    peer_.reset();
    pump();
    EXPECT_FALSE(server_->connected());
    EXPECT_EQ(device_.resets, 1);
    ASSERT_TRUE(loop_->run_once(std::chrono::milliseconds(20)));
    connect();
    EXPECT_TRUE(server_->connected());
    EXPECT_NE(ask_u64(Request::get_features), UINT64_MAX);
}

/// Each is one message that must end the connection.
TEST_F(VhostUserTest, HostileMessagesCloseTheConnectionAndLeakNothing) {
    using Attack = std::function<void()>;
    const std::vector<Attack> attacks = {
        [&] { send_raw(Bytes(12, 0xff)); },
        [&] { send(Request::get_features, {}, {}, 2); },
        [&] { send(Request::get_features, {}, {}, flags_version | flag_reply); },
        [&] { send(Request::get_features, {}, {ram_.fd()}); },
        [&] { send(Request::set_features, Bytes(7)); },
        [&] { send_u64(Request::set_features, UINT64_MAX); },
        [&] { send_u64(Request::set_protocol_features, UINT64_MAX); },
        [&] { send(Request::set_mem_table, Bytes(3)); },
        [&] { send(Request::set_mem_table, memory_table({{0, 4096, 0, 0}})); },
        [&] { send(Request::set_mem_table, memory_table({}), {ram_.fd()}); },
        [&] {
            send(Request::set_mem_table,
                 memory_table({{0, 1 << 20, 0, 0}, {4096, 4096, 1 << 30, 0}}),
                 {ram_.fd(), ram_.fd()});
        },
        [&] { send(Request::set_mem_table, memory_table({{0, 2 << 20, 0, 0}}), {ram_.fd()}); },
        [&] { send(Request::set_mem_table, memory_table({{0, 4096, 0, 0}}), {kick_.get()}); },
        [&] {
            send(Request::set_mem_table, memory_table({{0, 4096, UINT64_MAX, 0}}), {ram_.fd()});
        },
        [&] {
            const std::vector<int> many(9, ram_.fd());
            send(Request::set_mem_table, memory_table(std::vector<std::array<std::uint64_t, 4>>(9)),
                 many);
        },
        [&] { send_state(Request::set_vring_num, 2, 16); },
        [&] { send_state(Request::set_vring_num, 0, 4096); },
        [&] { send_state(Request::set_vring_enable, 1000, 1); },
        [&] { send_u64(Request::set_vring_kick, 0); },
        [&] { send_u64(Request::set_vring_kick, 0, {kick_.get(), kick_.get()}); },
        [&] { send_u64(Request::set_vring_kick, 0x100); },
        [&] { send_u64(Request::set_vring_call, 0, {ram_.fd()}); },
        [&] { send_u64(Request::set_vring_call, 7, {call_.get()}); },
        // A write to an eventfd would wait as soon as the peer has filled it and said so.
        [&] { send_u64(Request::set_vring_call, 0, {kick_.get()}); },
        [&] { send_u64(Request::set_vring_err, 0, {kick_.get()}); },
        [&] { send(Request::set_backend_req_fd, {}, {kick_.get()}); },
        // Kicks of kinds that no engine sends.
        [&] { send_u64(Request::set_vring_kick, 0, {call_.get()}); },
        [&] { send_u64(Request::set_vring_kick, 0, {OwnedFd(::epoll_create1(0)).get()}); },
        [&] {
            send_u64(Request::set_vring_kick, 0,
                     {OwnedFd(::timerfd_create(CLOCK_MONOTONIC, 0)).get()});
        },
        [&] { send(Request::set_backend_req_fd); },
        [&] { send(Request::set_vring_addr, Bytes(39)); },
        [&] { send(Request::get_config, Bytes(11)); },
        [&] { send(Request::set_config, Bytes(400, 1)); },
        [&] { send(static_cast<Request>(33)); },
        [&] { // a kick that cannot be polled
            send_memory();
            DriverRing ring(ram_, 16);
            send_state(Request::set_vring_num, 0, 16);
            send_address(0, ring.config());
            send_state(Request::set_vring_enable, 0, 1);
            send_u64(Request::set_vring_kick, 0, {ram_.fd()});
        },
        [&] { // rings outside memory
            send_memory();
            send_state(Request::set_vring_num, 0, 16);
            send_address(0, {.descriptors = 16, .available = 2, .used = 4});
            send_state(Request::set_vring_enable, 0, 1);
            send_u64(Request::set_vring_kick, 0, {kick_.get()});
        },
    };
    const std::size_t before = open_descriptors();
    for (std::size_t i = 0; i < attacks.size(); ++i) {
        SCOPED_TRACE(i);
        attacks[i]();
        expect_dropped();
        ASSERT_TRUE(loop_->run_once(std::chrono::milliseconds(20)));
        connect();
        ASSERT_TRUE(server_->connected());
        EXPECT_EQ(open_descriptors(), before);
    }
}

TEST_F(VhostUserTest, MessageInManyPiecesIsOneMessage) {
    const Bytes message =
        encode(static_cast<std::uint32_t>(Request::get_queue_num), flags_version, {});
    for (const std::uint8_t byte : message)
        send_raw({&byte, 1});
    const auto reply = answer();
    ASSERT_TRUE(reply);
    EXPECT_EQ(load_le<std::uint64_t>(*reply), 2u);
}

} // namespace
} // namespace msb::virtio
