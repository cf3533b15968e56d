// A driver that accesses registers in any order and size. What reaches the back-end must be sound.
#include "engine/kvm/mmio.hpp"
#include "engine/kvm/testing/recording_backend.hpp"

#include <bit>
#include <cstdlib>
#include <fuzzer/FuzzedDataProvider.h>

using namespace msb;

namespace {

constexpr std::uint64_t ram_size = 0x10'0000;

void require(bool holds) {
    if (!holds)
        std::abort();
}

void require_sound(const engine::kvm::testing::RecordingBackend& backend) {
    for (const virtio::RingSetup& ring : backend.rings) {
        require(ring.index < 2 && ring.size <= 256 && std::has_single_bit(ring.size));
        require(ring.descriptors + 16 * ring.size <= ram_size);
        require(ring.available + 6 + 2 * ring.size <= ram_size);
        require(ring.used + 6 + 8 * ring.size <= ram_size);
    }
    require((backend.taken & ~backend.offered) == 0);
    // One serving at a time, however status and reset are written.
    require(backend.starts == backend.resets || backend.starts == backend.resets + 1);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    FuzzedDataProvider input(data, size);
    engine::kvm::testing::RecordingBackend backend;
    backend.offered = input.ConsumeIntegral<std::uint64_t>();
    engine::kvm::MmioDevice device(2, backend, {{0, ram_size, 0}});
    require(device.prepare().has_value());
    while (input.remaining_bytes() > 0) {
        const auto offset = input.ConsumeIntegralInRange<std::uint64_t>(0, 0x17f);
        switch (input.ConsumeIntegralInRange(0, 4)) {
        case 0: {
            Bytes out(input.ConsumeIntegralInRange<std::size_t>(0, 8));
            device.read(offset, out);
            break;
        }
        case 1:
            require(device.write(offset, input.ConsumeBytes<std::uint8_t>(8)).has_value());
            break;
        case 2: device.note_used_buffers(); break;
        case 3: require(device.note_config_change().has_value()); break;
        default: {
            const auto value = input.ConsumeIntegral<std::uint32_t>();
            require(device.write(offset & ~std::uint64_t{3}, object_bytes(value)).has_value());
        }
        }
        require_sound(backend);
    }
    return 0;
}
