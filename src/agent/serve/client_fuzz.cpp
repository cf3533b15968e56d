// A client that sends anything: the server answers or closes, and stays able to serve another.
// The server is stopping, so commands are decoded and refused, and nothing is executed; one session
// that has ended before is there to be listed and attached to.
#include "agent/serve/server.hpp"
#include "base/system.hpp"
#include "wire/messages.hpp"

#include <sys/socket.h>

using namespace msb;
using namespace std::chrono_literals;

namespace {

void make_ended_session(agent::Server& server) {
    auto pair = *sys::socket_pair(SOCK_STREAM | SOCK_NONBLOCK);
    server.add_client(std::move(pair[1]));
    wire::ExecRequest request;
    request.cmd = "/bin/echo";
    request.args = {"kept"};
    request.detach = true;
    const Bytes frame = wire::encode_message(1, request);
    (void)!::send(pair[0].get(), frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    const auto ended = [&] {
        const auto sessions = server.sessions().list();
        return !sessions.empty() && sessions.front().ended_at_ns;
    };
    for (int i = 0; i < 1000 && !ended(); ++i)
        (void)server.step(10ms);
    pair[0].reset();
    while (server.client_count() > 0)
        (void)server.step(10ms);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto loop = *EventLoop::create();
    static const auto server = [] {
        auto created = *agent::Server::create(*loop, {});
        make_ended_session(*created);
        created->request_shutdown({});
        return created;
    }();
    auto pair = *sys::socket_pair(SOCK_STREAM | SOCK_NONBLOCK);
    server->add_client(std::move(pair[1]));
    (void)!::send(pair[0].get(), data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    for (int i = 0; i < 4; ++i)
        (void)server->step(0ms);
    pair[0].reset();
    for (int i = 0; i < 4 && server->client_count() > 0; ++i)
        (void)server->step(0ms);
    if (server->client_count() != 0)
        __builtin_trap();
    return 0;
}
