// A front-end that sends arbitrary messages with arbitrary descriptors.
#include "base/event_loop.hpp"
#include "base/system.hpp"
#include "virtio/testing/driver.hpp"
#include "virtio/vhost_user_message.hpp"
#include "virtio/vhost_user_session.hpp"

#include <fuzzer/FuzzedDataProvider.h>
#include <sys/socket.h>

using namespace msb;
using namespace msb::virtio;

namespace {

class Sink final : public Device {
  public:
    DeviceId id() const override { return DeviceId::entropy; }
    std::uint64_t features() const override { return 7; }
    std::uint16_t queue_count() const override { return 2; }
    void read_config(std::uint32_t offset, MutableBytesView out) override {
        copy_config(as_bytes("config"), offset, out);
    }
    void set_features(std::uint64_t) override {}
    void queue_started(std::uint16_t index, Queue& queue) override { queues[index] = &queue; }
    void queue_stopped(std::uint16_t index) override { queues[index] = nullptr; }
    bool queue_kicked(std::uint16_t index) override {
        Chain chain;
        for (int i = 0; i < 64 && queues[index]->pop(chain); ++i)
            queues[index]->push(chain, 0);
        queues[index]->notify();
        return queues[index]->arm() && ++again < 4;
    }
    void reset() override {}
    Queue* queues[2] = {};
    int again = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const OwnedFd ram = [] {
        OwnedFd fd = *sys::memfd("ram", Bytes(1 << 16, 1));
        return fd;
    }();
    static const OwnedFd event = *sys::event_fd(1);
    static const auto call = *sys::socket_pair(SOCK_STREAM);
    static auto loop = *EventLoop::create();
    FuzzedDataProvider input(data, size);
    auto pair = *sys::socket_pair(SOCK_STREAM);
    (void)sys::set_nonblocking(pair[0].get());
    Sink device;
    bool ended = false;
    auto session = VhostUserSession::create(*loop, std::move(pair[0]), device,
                                            [&](const Error&) { ended = true; });
    if (!session)
        std::abort();
    while (!ended && input.remaining_bytes() > 0) {
        std::vector<int> fds;
        for (int count = input.ConsumeIntegralInRange(0, 10); count > 0; --count)
            fds.push_back(input.PickValueInArray({ram.get(), event.get(), call[0].get()}));
        const auto request = input.ConsumeIntegralInRange<std::uint32_t>(0, 45);
        const auto flags = input.ConsumeBool() ? vhost_user::flags_version
                                               : input.ConsumeIntegral<std::uint32_t>();
        const auto payload =
            input.ConsumeBytes<std::uint8_t>(input.ConsumeIntegralInRange<std::size_t>(0, 320));
        virtio::testing::send_with_fds(pair[1].get(), vhost_user::encode(request, flags, payload),
                                       fds);
        for (int i = 0; i < 2 && !ended; ++i)
            (void)loop->run_once(std::chrono::milliseconds(0));
        std::uint8_t answers[4096];
        (void)!::recv(pair[1].get(), answers, sizeof(answers), MSG_DONTWAIT);
    }
    session->reset();
    (void)loop->run_once(std::chrono::milliseconds(0));
    return 0;
}
