#include "agent/boot/control.hpp"

#include "base/system.hpp"

#include <cerrno>
#include <poll.h>
#include <sys/socket.h>

namespace msb::agent {

namespace {
constexpr std::size_t read_size = 4096;
}

Result<wire::Frame> ControlChannel::wait_frame(std::chrono::milliseconds timeout) {
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + timeout;
    for (;;) {
        if (const auto frame = MSB_TRY(reader_.next()))
            return *frame;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        if (!MSB_TRY(sys::wait_for(socket_.get(), POLLIN, left)))
            return fail(Error::from_errno(ETIMEDOUT, "waiting for the host"));
        if (!receive())
            return fail(Error::from_errno(ECONNRESET, "waiting for the host"));
    }
}

bool ControlChannel::receive() {
    const MutableBytesView room = reader_.prepare(read_size);
    const ssize_t count = ::recv(socket_.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (count > 0)
        reader_.commit(static_cast<std::size_t>(count));
    return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

void ControlChannel::flush() {
    while (!out_.empty()) {
        const BytesView data = out_.view();
        const ssize_t count =
            ::send(socket_.get(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno != EAGAIN)
            out_.clear(); // the peer is gone, which receive() reports
        if (count <= 0)
            return;
        out_.consume(static_cast<std::size_t>(count));
    }
}

void ControlChannel::finish(std::chrono::milliseconds timeout) {
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + timeout;
    bool shut = false;
    while (Clock::now() < deadline) {
        flush();
        if (out_.empty() && !std::exchange(shut, true))
            ::shutdown(socket_.get(), SHUT_WR);
        const short events = out_.empty() ? POLLIN : POLLIN | POLLOUT;
        const auto ready = sys::wait_for(socket_.get(), events, std::chrono::milliseconds(10));
        if (ready && *ready && out_.empty() && !receive())
            return;
        while (const auto frame = reader_.next())
            if (!*frame)
                break;
    }
}

} // namespace msb::agent
