#include "sandbox/runtime_door.hpp"

#include "base/system.hpp"
#include "wire/control_messages.hpp"

#include <array>
#include <poll.h>
#include <sys/socket.h>

namespace msb {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// A runtime answers in microseconds unless something is wrong.
constexpr auto answer_timeout = 1s;
constexpr std::size_t most_answer_bytes = std::size_t{64} << 10;

} // namespace

Result<RuntimeDoor> RuntimeDoor::connect(const std::string& socket,
                                         std::chrono::milliseconds timeout) {
    return RuntimeDoor(MSB_TRY(sys::unix_connect(socket, timeout)));
}

Result<pid_t> RuntimeDoor::process() const {
    ucred peer{};
    socklen_t size = sizeof(peer);
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == -1)
        return fail_errno("getsockopt(SO_PEERCRED)");
    return peer.pid;
}

Result<Bytes> RuntimeDoor::exchange(BytesView request) {
    MSB_TRY(sys::write_all(socket_.get(), request)); // there is room: nothing is sent unanswered
    const auto deadline = Clock::now() + answer_timeout;
    for (;;) {
        if (const auto frame = MSB_TRY(in_.next()))
            return Bytes(frame->body.begin(), frame->body.end());
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        if (left <= 0ms || !MSB_TRY(sys::wait_for(socket_.get(), POLLIN, left)))
            return fail(ErrorKind::timed_out, "the runtime does not answer");
        std::array<std::uint8_t, 4096> chunk{};
        const std::size_t count = MSB_TRY(sys::read(socket_.get(), chunk));
        if (count == 0)
            return fail(ErrorKind::unreachable, "the runtime has closed the connection");
        in_.feed(BytesView(chunk).first(count));
        if (in_.buffered() > most_answer_bytes)
            return fail(ErrorKind::protocol, "the runtime's answer is too long");
    }
}

Result<wire::HostStatusReport> RuntimeDoor::status() {
    return wire::decode_body<wire::HostStatusReport>(
        MSB_TRY(exchange(wire::encode_message(next_id_++, wire::HostStatus{}))));
}

Status RuntimeDoor::accepted(BytesView request) {
    const Bytes body = MSB_TRY(exchange(request));
    if (auto refusal = wire::decode_body<wire::CoreError>(body))
        return fail(ErrorKind::protocol, "the runtime refuses: " + refusal->message);
    MSB_TRY(wire::decode_body<wire::HostAccepted>(body));
    return {};
}

} // namespace msb
