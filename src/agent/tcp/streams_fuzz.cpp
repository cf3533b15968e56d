// Streams of a client that sends anything on them, to destinations that echo, pour, or never read.
// Commands would really run and names really be asked for, so only the messages of streams pass;
// client_fuzz.cpp has the rest.
#include "agent/serve/server.hpp"
#include "base/system.hpp"
#include "wire/session_messages.hpp"

#include <array>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace msb;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t streams = 3;

std::string socket_name() {
    return "@msb-tcp-fuzz-" + std::to_string(::getpid());
}

OwnedFd listen() {
    OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = socket_name();
    name.copy(address.sun_path, sizeof(address.sun_path));
    address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) == -1 ||
        ::listen(fd.get(), 16) == -1)
        __builtin_trap();
    return fd;
}

/// One round of a destination: stream 1 echoes, stream 2 pours and may leave, stream 3 is stuck.
void serve(OwnedFd& peer, std::size_t which, std::uint8_t mood) {
    std::array<std::uint8_t, 4096> buffer{};
    if (!peer || which == 2)
        return;
    const ssize_t count = ::recv(peer.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (which == 0 && count > 0)
        (void)!::send(peer.get(), buffer.data(), static_cast<std::size_t>(count),
                      MSG_DONTWAIT | MSG_NOSIGNAL);
    if (which == 1)
        (void)!::send(peer.get(), buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (which == 1 && (mood & 1U) != 0)
        (void)::shutdown(peer.get(), (mood & 2U) != 0 ? SHUT_WR : SHUT_RDWR);
    if (which == 1 && (mood & 4U) != 0)
        peer.reset();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto loop = *EventLoop::create();
    static const auto server = *agent::Server::create(*loop, {});
    static const OwnedFd listener = listen();
    if (size < 1)
        return 0;
    const std::uint8_t mood = data[0];
    auto pair = *sys::socket_pair(SOCK_STREAM | SOCK_NONBLOCK);
    server->add_client(std::move(pair[1]));
    Bytes out;
    for (std::uint32_t id = 1; id <= streams; ++id) {
        wire::TcpConnect request{"unix:" + socket_name(), 0, (mood & 8U) != 0, {}};
        if ((mood & 16U) != 0)
            request.window = 3;
        wire::append_message(out, id, request);
    }
    // [id, kind, length] ... : frames of streams, in any order and number.
    for (std::size_t at = 1; at + 3 <= size;) {
        const std::uint32_t id = data[at] % (streams + 2);
        const std::size_t length = std::min<std::size_t>(data[at + 2], size - at - 3);
        const BytesView piece(data + at + 3, length);
        switch (data[at + 1] % 6) {
        case 0: wire::append_message(out, id, wire::TcpData{piece}); break;
        case 1: wire::append_message(out, id, wire::TcpEof{}); break;
        case 2: wire::append_message(out, id, wire::TcpClose{(length & 1U) != 0}); break;
        case 3: // a payload that is no message
            wire::begin_frame(out, id, 0, wire::TcpData::type, piece.size());
            out.insert(out.end(), piece.begin(), piece.end());
            break;
        case 4: wire::append_message(out, id, wire::FlowWindow{length << (length % 60)}); break;
        default: wire::append_message(out, id, wire::TcpData{Bytes(length << 8)}); break;
        }
        at += 3 + length;
    }
    std::array<OwnedFd, streams> peers;
    std::size_t accepted = 0;
    BytesView left = out;
    for (int round = 0; round < 12; ++round) {
        const ssize_t sent =
            ::send(pair[0].get(), left.data(), left.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        left = left.subspan(sent > 0 ? static_cast<std::size_t>(sent) : 0);
        (void)server->step(round < 4 ? 1ms : 0ms);
        if (accepted < streams) {
            peers[accepted] = OwnedFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
            accepted += peers[accepted] ? 1 : 0;
        }
        for (std::size_t i = 0; i < streams; ++i)
            serve(peers[i], i, mood);
        std::array<std::uint8_t, 65536> answers{};
        if ((mood & 32U) == 0)
            (void)!::recv(pair[0].get(), answers.data(), answers.size(), MSG_DONTWAIT);
    }
    pair[0].reset();
    for (int i = 0; i < 100 && server->client_count() > 0; ++i)
        (void)server->step(1ms);
    if (server->client_count() != 0 || server->activity().active_tcp_streams != 0)
        __builtin_trap();
    while (OwnedFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC))) {
    }
    return 0;
}
