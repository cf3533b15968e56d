// Arbitrary requests in arbitrary framing. What lies outside the disk's extents must never change,
// and a request must never be left unanswered. A part of the disk has no room on the host.
#include "base/system.hpp"
#include "base/testing/check.hpp"
#include "device/blk/blk.hpp"
#include "virtio/testing/driver.hpp"

#include <algorithm>
#include <fcntl.h>
#include <fuzzer/FuzzedDataProvider.h>

using namespace msb;
using namespace msb::device;

namespace {

constexpr std::size_t disk_size = 16 << 10;

using msb::testing::check;

/// The length of the next piece; large at last, because a chain holds a bounded number of them.
std::uint32_t piece(FuzzedDataProvider& input, std::size_t left, std::size_t pieces) {
    const std::uint32_t wanted =
        pieces > 200 ? UINT32_MAX : input.ConsumeIntegralInRange<std::uint32_t>(1, 1 << 14);
    return static_cast<std::uint32_t>(std::min<std::size_t>(left, wanted));
}

std::vector<virtio::testing::Buffer> cut(FuzzedDataProvider& input, virtio::testing::Ram& ram,
                                         BytesView request, std::uint32_t room) {
    std::vector<virtio::testing::Buffer> buffers;
    while (!request.empty()) {
        const std::uint32_t step = piece(input, request.size(), buffers.size());
        buffers.push_back({ram.store(request.first(step)), step});
        request = request.subspan(step);
    }
    while (room > 0) {
        const std::uint32_t step = piece(input, room, buffers.size());
        buffers.push_back({ram.allocate(step), step, true});
        room -= step;
    }
    return buffers;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static virtio::testing::Ram ram(8 << 20);
    static const OwnedFd file = *sys::memfd("disk", Bytes(3 * disk_size, 0x77));
    static const OwnedFd full(::open("/dev/full", O_RDWR | O_CLOEXEC));
    check(bool{full});
    FuzzedDataProvider input(data, size);
    const auto loop = *EventLoop::create();
    auto blk = *Blk::create({.extents = {{file.get(), disk_size, 512},
                                         {file.get(), disk_size + 512, disk_size - 512},
                                         {full.get(), 0, disk_size}},
                             .read_only = input.ConsumeBool(),
                             .serial = "fuzz",
                             .durability = Durability::none,
                             .retry_period = std::chrono::milliseconds(0),
                             .patience = std::chrono::milliseconds(0)});
    blk->set_loop(*loop);
    ram.clear();
    virtio::testing::DriverRing ring(ram, 256);
    virtio::Queue queue;
    check(queue.start(ram.memory(), ring.config(), nullptr).has_value());
    blk->set_features(blk->features());
    blk->queue_started(0, queue);
    for (int i = 0; i < 32 && input.remaining_bytes() > 0; ++i) {
        static constexpr std::uint32_t types[] = {0, 1, 4, 8, 11, 13, 2, 77};
        Bytes request(16);
        store_le(request, input.PickValueInArray(types));
        store_le(MutableBytesView(request).subspan(8),
                 input.ConsumeBool() ? input.ConsumeIntegralInRange<std::uint64_t>(0, 64)
                                     : input.ConsumeIntegral<std::uint64_t>());
        Bytes payload =
            input.ConsumeBytes<std::uint8_t>(input.ConsumeIntegralInRange<std::size_t>(0, 2048));
        payload.resize(input.ConsumeBool() ? align_up<std::size_t>(payload.size(), 512)
                                           : payload.size());
        request.insert(request.end(), payload.begin(), payload.end());
        request.resize(request.size() - (input.ConsumeBool() ? 0 : request.size() % 16));
        const auto room = input.ConsumeIntegralInRange<std::uint32_t>(0, 1 << 15);
        const auto buffers = cut(input, ram, request, room);
        if (buffers.empty())
            continue;
        ring.add(buffers, true);
        check(!blk->queue_kicked(0));
        auto used = ring.used();
        if (!used) { // held, and given up at the next look
            check(loop->run_once(std::chrono::seconds(1)).has_value());
            used = ring.used();
        }
        check(used && used->length <= room);
    }
    Bytes around(disk_size);
    for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{2 * disk_size}}) {
        check(sys::pread_all(file.get(), around, offset).has_value());
        check(std::ranges::all_of(around, [](std::uint8_t byte) { return byte == 0x77; }));
    }
    return 0;
}
