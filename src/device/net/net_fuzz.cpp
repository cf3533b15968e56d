// Both queues of a virtio-net device whose driver does as it likes.
#include "base/testing/check.hpp"
#include "device/net/net.hpp"
#include "virtio/testing/driver.hpp"

#include <fuzzer/FuzzedDataProvider.h>

using namespace msb;
using namespace msb::device;

namespace {

using msb::testing::check;

struct Sink final : FrameSink {
    void frame(BytesView frame, bool) override {
        check(frame.size() <= Net::largest_frame);
        ++frames;
    }
    void frames_done() override {}
    void room() override { ++rooms; }
    void link_reset() override {}
    int frames = 0, rooms = 0;
};

struct World {
    explicit World(std::uint64_t features) {
        device.set_sink(sink);
        device.set_features(features & device.features());
        check(rx_queue.start(ram.memory(), rx.config(), nullptr).has_value());
        check(tx_queue.start(ram.memory(), tx.config(), nullptr).has_value());
        device.queue_started(0, rx_queue);
        device.queue_started(1, tx_queue);
    }
    static virtio::testing::Ram& clean_ram() {
        static virtio::testing::Ram instance(std::size_t{32} << 20);
        instance.clear();
        return instance;
    }
    void transmit(FuzzedDataProvider& input) {
        std::vector<virtio::testing::Buffer> buffers;
        for (int i = input.ConsumeIntegralInRange(1, 3); i > 0; --i) {
            Bytes data(input.ConsumeIntegralInRange<std::size_t>(1, 40'000), 1);
            const auto head = input.ConsumeBytes<std::uint8_t>(16);
            std::copy_n(head.begin(), std::min(head.size(), data.size()), data.begin());
            buffers.push_back({ram.store(data), static_cast<std::uint32_t>(data.size()),
                               input.ConsumeProbability<float>() < 0.1F});
        }
        tx.add(buffers, input.ConsumeBool());
        device.queue_kicked(1);
    }
    void offer(FuzzedDataProvider& input) {
        const auto size = input.ConsumeIntegralInRange<std::uint32_t>(1, 4096);
        rx.add({{ram.allocate(size), size, input.ConsumeProbability<float>() < 0.9F}});
        device.queue_kicked(0);
    }
    void send(FuzzedDataProvider& input) {
        const Bytes frame(input.ConsumeIntegralInRange<std::size_t>(14, 65'549), 7);
        const iovec pieces[2] = {{const_cast<std::uint8_t*>(frame.data()), 14},
                                 {const_cast<std::uint8_t*>(frame.data()) + 14, frame.size() - 14}};
        const Offload offload{.partial_checksum = input.ConsumeBool(),
                              .segment_size = input.ConsumeIntegral<std::uint16_t>()};
        device.send(offload, pieces);
        device.flush();
        std::uint64_t written = 0;
        while (const auto used = rx.used())
            written += used->length;
        check(written == 0 || written == frame.size() + 12); // a whole frame or none
    }

    virtio::testing::Ram& ram = clean_ram();
    virtio::testing::DriverRing rx{ram, 512};
    virtio::testing::DriverRing tx{ram, 512};
    virtio::Queue rx_queue;
    virtio::Queue tx_queue;
    Sink sink;
    Net device{{}};
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    FuzzedDataProvider input(data, size);
    World world(input.ConsumeIntegral<std::uint64_t>());
    for (int i = 0; i < 100 && input.remaining_bytes() > 0; ++i) {
        switch (input.ConsumeIntegralInRange(0, 2)) {
        case 0: world.transmit(input); break;
        case 1: world.offer(input); break;
        default: world.send(input); break;
        }
    }
    return 0;
}
