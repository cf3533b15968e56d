// A guest that says anything on the control channel, in any pieces, and reads or does not.
#include "device/vsock/testing/fake_stream.hpp"
#include "runtime/control_channel.hpp"

#include <cstdlib>
#include <fuzzer/FuzzedDataProvider.h>

using namespace msb;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    FuzzedDataProvider input(data, size);
    const auto guest = std::make_shared<device::testing::FakeStream>();
    int lost = 0;
    int resolved = 0;
    ControlChannel channel(guest, wire::Bootstrap{},
                           {[&](const wire::InitResolved&) { ++resolved; },
                            [](BytesView frame, const wire::Ready&) {
                                if (frame.size() < wire::frame_header_size)
                                    std::abort();
                            },
                            [](const wire::BootFailed&) {}, [](const wire::Heartbeat&) {}, [] {},
                            [&](std::string_view) { ++lost; }});
    while (input.remaining_bytes() > 0) {
        switch (input.ConsumeIntegralInRange(0, 6)) {
        case 0: (void)guest->take(input.ConsumeIntegralInRange<std::size_t>(0, 10'000)); break;
        case 1: channel.send(wire::ClockSync{1, 2}); break;
        case 2: guest->end(); break;
        case 3: guest->finish(device::StreamEnd::reset); break;
        default:
            guest->send(input.ConsumeBytes<std::uint8_t>(
                input.ConsumeIntegralInRange<std::size_t>(0, 500)));
        }
        if (!guest->readable().empty() && lost == 0)
            std::abort(); // it takes everything at once
    }
    if (resolved > 1 || lost > 1)
        std::abort();
    return 0;
}
