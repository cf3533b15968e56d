// The control channel: the agent's own connection to the runtime, id 0.
#pragma once

#include "base/fd.hpp"
#include "base/out_buffer.hpp"
#include "base/result.hpp"
#include "wire/messages.hpp"

#include <chrono>

namespace msb::agent {

class ControlChannel {
  public:
    ControlChannel() = default;
    explicit ControlChannel(OwnedFd socket) : socket_(std::move(socket)) {}

    explicit operator bool() const { return bool{socket_}; }
    int fd() const { return socket_.get(); }

    /// Waits for a message of this type; any other is a protocol error. For booting.
    template <typename M> Result<M> expect(std::chrono::milliseconds timeout) {
        const wire::Frame frame = MSB_TRY(wait_frame(timeout));
        return wire::decode_body<M>(frame.body);
    }

    /// Queues and sends what the socket takes. Dropped if the peer is far behind.
    template <typename M> void send(const M& message) {
        if (out_.size() > max_queued)
            return;
        wire::append_message(out_.tail(), 0, message);
        flush();
    }
    void flush();
    bool has_queued() const { return !out_.empty(); }
    /// Waits until all is sent and the peer has closed, or the time is over.
    void finish(std::chrono::milliseconds timeout);

    /// Reads once. False: the peer is gone.
    bool receive();
    /// The next message received; an error means that the stream is broken.
    Result<std::optional<wire::Frame>> next() { return reader_.next(); }

  private:
    static constexpr std::size_t max_queued = std::size_t{64} << 10;
    Result<wire::Frame> wait_frame(std::chrono::milliseconds timeout);

    OwnedFd socket_;
    wire::FrameReader reader_;
    OutBuffer out_;
};

} // namespace msb::agent
