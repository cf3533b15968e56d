// What a proxy answers, piece by piece: it is taken in the end or refused, and no more than came is
// used.
#include "base/testing/check.hpp"
#include "net/proxy/client.hpp"

#include <fuzzer/FuzzedDataProvider.h>

using namespace msb;
using namespace msb::net;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    FuzzedDataProvider input(data, size);
    Proxy proxy;
    proxy.kind = input.ConsumeBool() ? Proxy::Kind::socks5 : Proxy::Kind::http;
    proxy.username = input.ConsumeRandomLengthString(300);
    proxy.password = input.ConsumeRandomLengthString(300);
    ProxyClient client(proxy, input.ConsumeBool() ? "fd00::1" : "a.example", 443);
    Bytes waiting;
    while (input.remaining_bytes() > 0 && !client.done()) {
        (void)client.take_output();
        const auto piece =
            input.ConsumeBytes<std::uint8_t>(input.ConsumeIntegralInRange<std::size_t>(1, 600));
        waiting.insert(waiting.end(), piece.begin(), piece.end());
        for (;;) {
            const bool was_done = client.done();
            const auto taken = client.take(waiting);
            if (!taken)
                return 0;
            msb::testing::check(*taken <= waiting.size() && !(was_done && *taken > 0));
            if (*taken == 0)
                break;
            waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(*taken));
        }
        msb::testing::check(client.done() || waiting.size() < ProxyClient::most_answer);
    }
    return 0;
}
