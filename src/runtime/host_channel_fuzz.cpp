// Commands that send the runtime's door whatever comes to their minds.
#include "base/system.hpp"
#include "runtime/host_channel.hpp"
#include "runtime/testing/temporary_log.hpp"
#include "wire/control_messages.hpp"

#include <cstdlib>
#include <fuzzer/FuzzedDataProvider.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace msb;

namespace {

Bytes message(FuzzedDataProvider& input) {
    const auto id = input.ConsumeIntegral<std::uint32_t>();
    switch (input.ConsumeIntegralInRange(0, 4)) {
    case 0:
        return wire::encode_message(id, wire::HostShutdown{input.ConsumeIntegral<std::uint64_t>()});
    case 1: return wire::encode_message(id, wire::HostDrain{});
    case 2: return wire::encode_message(id, wire::HostStatus{});
    case 3: return wire::encode_message(id, wire::Ping{});
    default:
        return input.ConsumeBytes<std::uint8_t>(input.ConsumeIntegralInRange<std::size_t>(0, 300));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static testing::TemporaryLog directory;
    static const auto loop = EventLoop::create().value();
    const std::string path = directory.directory + "/s";
    const auto turn = [] {
        for (int i = 0; i < 3; ++i)
            if (!loop->run_once(std::chrono::milliseconds(0)))
                std::abort();
    };
    FuzzedDataProvider input(data, size);
    HostChannel channel(*loop,
                        {.shutdown = [](auto&) {},
                         .drain = [] {},
                         .status = [] { return wire::HostStatusReport{"Running", "", 1}; },
                         .network_policy =
                             [](const wire::HostNetworkPolicy& change, HostChannel::Reply reply) {
                                 reply(change.policy.empty()
                                           ? Status(fail(ErrorKind::invalid_argument, "empty"))
                                           : Status());
                             },
                         .freeze = [](auto&) { return Status(); },
                         .thaw = [](auto&) {},
                         .freeze_status = [] { return wire::HostFreezeReport{}; },
                         .grow_root_disk = [](auto&) { return Status(); },
                         .root_disk_status = [] { return wire::HostRootDiskReport{}; }});
    (void)::unlink(path.c_str());
    if (!channel.serve(sys::unix_listen(path, 64).value()))
        std::abort();
    std::vector<OwnedFd> sockets;
    for (int i = 0; i < 100 && input.remaining_bytes() > 0; ++i) {
        if (sockets.empty() || input.ConsumeIntegralInRange(0, 4) == 0) {
            sockets.push_back(sys::unix_connect(path).value());
        } else {
            const auto which = input.ConsumeIntegralInRange<std::size_t>(0, sockets.size() - 1);
            const Bytes bytes = message(input);
            (void)!::send(sockets[which].get(), bytes.data(), bytes.size(),
                          MSG_DONTWAIT | MSG_NOSIGNAL);
            if (input.ConsumeIntegralInRange(0, 9) == 0)
                sockets.erase(sockets.begin() + static_cast<std::ptrdiff_t>(which));
        }
        turn();
        if (channel.connection_count() > HostChannel::max_connections)
            std::abort();
    }
    return 0;
}
