// An arbitrary conversation: packets from the guest mixed with what the host's side does.
#include "base/testing/check.hpp"
#include "device/vsock/vsock.hpp"
#include "virtio/testing/driver.hpp"

#include <fuzzer/FuzzedDataProvider.h>

using namespace msb;
using namespace msb::device;

namespace {

using msb::testing::check;

struct World {
    explicit World(EventLoop& event_loop) : loop(event_loop) {
        check(rx_queue.start(ram.memory(), rx.config(), nullptr).has_value());
        check(tx_queue.start(ram.memory(), tx.config(), nullptr).has_value());
        vsock.queue_started(0, rx_queue);
        vsock.queue_started(1, tx_queue);
        for (std::uint32_t port = 0; port < 4; ++port)
            vsock.listen(port, [this](std::shared_ptr<VsockConnection> c) { adopt(c); });
    }
    void adopt(const std::shared_ptr<VsockConnection>& connection) {
        if (!connection)
            return;
        VsockConnection* const raw = connection.get();
        connection->on_readable = [raw] { check(!raw->readable().empty() || raw->at_end()); };
        connection->on_writable = [raw] { raw->write(Bytes(100, 1)); };
        connection->on_closed = [raw](StreamEnd) { check(!raw->connected()); };
        connections.push_back(connection);
    }
    void packet(FuzzedDataProvider& input) {
        VsockHeader header{
            .src_cid = input.ConsumeIntegralInRange<std::uint64_t>(3, 4),
            .dst_cid = input.ConsumeIntegralInRange<std::uint64_t>(2, 3),
            .src_port = input.ConsumeIntegralInRange<std::uint32_t>(0, 3),
            .dst_port = input.ConsumeIntegralInRange<std::uint32_t>(0, 5),
            .type = input.ConsumeIntegralInRange<std::uint16_t>(1, 2),
            .op = static_cast<VsockOp>(input.ConsumeIntegralInRange<std::uint16_t>(0, 9)),
            .flags = input.ConsumeIntegral<std::uint32_t>(),
            .buffer_size = input.ConsumeIntegral<std::uint32_t>(),
            .forwarded = input.ConsumeIntegralInRange<std::uint32_t>(0, 1000)};
        if (header.dst_port >= 4)
            header.dst_port += (1u << 30) - 4; // a connection of the host's
        Bytes data(input.ConsumeIntegralInRange<std::size_t>(0, 70'000), 5);
        header.length = input.ConsumeBool() ? static_cast<std::uint32_t>(data.size())
                                            : input.ConsumeIntegral<std::uint32_t>();
        const auto encoded = header.encode();
        data.insert(data.begin(), encoded.begin(), encoded.end());
        if (input.ConsumeProbability<float>() < 0.05f)
            data.resize(input.ConsumeIntegralInRange<std::size_t>(0, 60));
        if (data.empty())
            return;
        tx.add({{ram.store(data), static_cast<std::uint32_t>(data.size())}});
        vsock.queue_kicked(1);
        check(tx.used().has_value());
    }
    void act(FuzzedDataProvider& input) {
        if (connections.empty() || input.ConsumeBool()) {
            adopt(vsock.connect(input.ConsumeIntegralInRange<std::uint32_t>(0, 3)));
            return;
        }
        VsockConnection& connection =
            *connections[input.ConsumeIntegralInRange<std::size_t>(0, connections.size() - 1)];
        switch (input.ConsumeIntegralInRange(0, 5)) {
        case 0:
            connection.write(Bytes(input.ConsumeIntegralInRange<std::size_t>(0, 300'000), 9));
            break;
        case 1: connection.consume(input.ConsumeIntegralInRange<std::size_t>(0, 300'000)); break;
        case 2: connection.shutdown_write(); break;
        case 3: connection.close(); break;
        case 4: connection.reset(); break;
        default: check(loop.run_once(std::chrono::milliseconds(0)).has_value()); break;
        }
        check(connection.readable().size() <= VsockConnection::buffer_limit);
        check(connection.unsent() <= VsockConnection::buffer_limit);
    }
    void offer(std::uint32_t size) {
        rx.add({{ram.allocate(size), size, true}});
        vsock.queue_kicked(0);
        while (rx.used()) {
        }
    }

    static virtio::testing::Ram& clean_ram() {
        static virtio::testing::Ram instance(32 << 20);
        instance.clear();
        return instance;
    }

    virtio::testing::Ram& ram = clean_ram();
    EventLoop& loop;
    virtio::testing::DriverRing rx{ram, 512};
    virtio::testing::DriverRing tx{ram, 512};
    virtio::Queue rx_queue;
    virtio::Queue tx_queue;
    std::vector<std::shared_ptr<VsockConnection>> connections;
    Vsock vsock{loop, 3};
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static auto loop = *EventLoop::create();
    FuzzedDataProvider input(data, size);
    {
        World world(*loop);
        for (int i = 0; i < 200 && input.remaining_bytes() > 0; ++i) {
            switch (input.ConsumeIntegralInRange(0, 3)) {
            case 0: world.act(input); break;
            case 1: world.offer(input.ConsumeIntegralInRange<std::uint32_t>(1, 5000)); break;
            default: world.packet(input); break;
            }
            check(world.vsock.connection_count() <= Vsock::max_connections);
        }
    }
    check(loop->run_once(std::chrono::milliseconds(0)).has_value());
    return 0;
}
