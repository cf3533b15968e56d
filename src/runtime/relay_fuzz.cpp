// Clients and a guest that send each other, through the relay, whatever comes to their minds.
#include "device/vsock/testing/fake_stream.hpp"
#include "runtime/relay.hpp"
#include "runtime/testing/temporary_log.hpp"
#include "wire/session_messages.hpp"

#include <cstdlib>
#include <fuzzer/FuzzedDataProvider.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace msb;

namespace {

wire::ExecRequest exec_request(bool detach) {
    wire::ExecRequest request;
    request.cmd = "c";
    request.detach = detach;
    return request;
}

struct World {
    explicit World(EventLoop& event_loop, testing::TemporaryLog& exec_log)
        : loop(event_loop), log(exec_log) {
        (void)::unlink(path().c_str());
        if (!relay.serve(sys::unix_listen(path(), 16).value(),
                         wire::encode_message(0, wire::Ready{})))
            std::abort();
    }
    std::string path() const { return log.directory + "/s"; }
    void turn() {
        for (int i = 0; i < 3; ++i)
            if (!loop.run_once(std::chrono::milliseconds(0)))
                std::abort();
    }
    Bytes message(FuzzedDataProvider& input) {
        const auto id = input.ConsumeIntegralInRange<std::uint32_t>(0, 3) +
                        (input.ConsumeBool() ? Relay::id_step : 0);
        switch (input.ConsumeIntegralInRange(0, 7)) {
        case 0: return wire::encode_message(id, exec_request(input.ConsumeBool()));
        case 1: return wire::encode_message(id, wire::ExecStarted{});
        case 2:
            return wire::encode_message(
                id, wire::ExecStdout{
                        Bytes(input.ConsumeIntegralInRange<std::size_t>(0, 300'000), 'x')});
        case 3: return wire::encode_message(id, wire::ExecExited{});
        case 4:
            return wire::encode_message(id, wire::CoreError{wire::CoreErrorKind::other, "",
                                                            std::string(wire::ExecRequest::type)});
        case 5: return wire::encode_message(0, wire::Shutdown{1});
        case 6: return wire::encode_message(id, wire::SessionDetach{});
        default:
            return input.ConsumeBytes<std::uint8_t>(
                input.ConsumeIntegralInRange<std::size_t>(0, 200));
        }
    }
    void act(FuzzedDataProvider& input) {
        const std::uint8_t action = input.ConsumeIntegralInRange<std::uint8_t>(0, 6);
        if (action == 0 || clients.empty()) {
            clients.push_back(sys::unix_connect(path()).value());
            return turn();
        }
        const auto which = input.ConsumeIntegralInRange<std::size_t>(0, clients.size() - 1);
        const Bytes data = message(input);
        Bytes buffer(200'000);
        switch (action) {
        case 1:
            (void)!::send(clients[which].get(), data.data(), data.size(),
                          MSG_DONTWAIT | MSG_NOSIGNAL);
            break;
        case 2:
            (void)!::recv(clients[which].get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
            break;
        case 3: clients.erase(clients.begin() + static_cast<std::ptrdiff_t>(which)); break;
        default:
            if (guest.streams.empty())
                break;
            device::testing::FakeStream& stream = *guest.streams[which % guest.streams.size()];
            if (action == 4)
                (void)stream.send(data);
            else if (action == 5)
                (void)stream.take();
            else if (input.ConsumeBool())
                stream.end();
            else
                stream.finish(device::StreamEnd::reset);
        }
        turn();
    }

    EventLoop& loop;
    testing::TemporaryLog& log;
    device::testing::FakeGuest guest;
    std::vector<OwnedFd> clients;
    Relay relay{loop,
                guest.dial(),
                *log.log,
                {.shutdown = [](auto&) {}, .session_kept = [] {}, .drain = [] {}}};
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static testing::TemporaryLog log;
    static const auto loop = EventLoop::create().value();
    FuzzedDataProvider input(data, size);
    {
        World world(*loop, log);
        for (int i = 0; i < 100 && input.remaining_bytes() > 0; ++i) {
            world.act(input);
            if (world.relay.client_count() > Relay::max_clients)
                std::abort();
        }
        world.clients.clear();
        world.turn();
        world.turn();
        if (world.relay.client_count() != 0)
            std::abort(); // whoever has hung up is forgotten
    }
    return loop->run_once(std::chrono::milliseconds(0)) ? 0 : 1;
}
