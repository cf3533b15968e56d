// A guest that says anything about sessions that nobody has started.
#include "device/vsock/testing/fake_stream.hpp"
#include "runtime/session_observer.hpp"
#include "runtime/testing/temporary_log.hpp"

#include <cstdlib>
#include <fuzzer/FuzzedDataProvider.h>

using namespace msb;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static testing::TemporaryLog log;
    FuzzedDataProvider input(data, size);
    device::testing::FakeGuest guest;
    int watched = 0;
    int ended = 0;
    {
        SessionObserver observer(guest.dial(), *log.log);
        device::testing::FakeStream& stream = *guest.streams.at(0);
        for (std::uint64_t number = 1; input.remaining_bytes() > 0;) {
            switch (input.ConsumeIntegralInRange(0, 7)) {
            case 0: observer.start(number++, wire::ExecRequest()); break;
            case 1:
                ++watched;
                observer.watch(1000 + static_cast<std::uint64_t>(watched), [&](auto&) { ++ended; });
                break;
            case 2: (void)stream.take(); break;
            case 3: stream.finish(device::StreamEnd::finished); break;
            case 4:
                stream.send(wire::encode_message(
                    0, wire::SessionOutput{.session = input.ConsumeIntegral<std::uint64_t>(),
                                           .tty = input.ConsumeBool(),
                                           .error = input.ConsumeBool(),
                                           .data = input.ConsumeBytes<std::uint8_t>(20)}));
                break;
            case 5: {
                wire::SessionEnded end;
                end.session = input.ConsumeIntegralInRange<std::uint64_t>(1000, 1010);
                stream.send(wire::encode_message(0, end));
                break;
            }
            default:
                stream.send(input.ConsumeBytes<std::uint8_t>(
                    input.ConsumeIntegralInRange<std::size_t>(0, 300)));
            }
        }
    }
    if (ended > watched)
        std::abort();
    return 0;
}
