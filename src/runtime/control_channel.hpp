// The runtime's side of the control channel: the vsock connection that the agent opens at boot.
// Host and guest exchange bootstrap, readiness, heartbeats, clock and shutdown here; clients never
// do.
#pragma once

#include "base/out_buffer.hpp"
#include "device/vsock/stream.hpp"
#include "wire/messages.hpp"

#include <functional>
#include <memory>

namespace msb {

class ControlChannel {
  public:
    struct Events {
        /// Called once, before the guest is told that its default user is known.
        std::function<void(const wire::InitResolved&)> resolved;
        std::function<void(BytesView frame, const wire::Ready&)>
            ready; ///< whole frame, and decoded
        std::function<void(const wire::BootFailed&)> boot_failed;
        std::function<void(const wire::Heartbeat&)> heartbeat;
        std::function<void()> drained;
        std::function<void(std::string_view why)> lost;
        std::function<void(const wire::FreezeReport&)> freeze{};
        std::function<void(const wire::RootDiskState&)> root_disk{};
    };

    /// Takes over an accepted connection and sends the bootstrap document.
    ControlChannel(std::shared_ptr<device::Stream> connection, const wire::Bootstrap& bootstrap,
                   Events events);
    ~ControlChannel();
    ControlChannel(const ControlChannel&) = delete;
    ControlChannel& operator=(const ControlChannel&) = delete;

    template <typename M> void send(const M& message) {
        wire::append_message(out_.tail(), 0, message);
        flush();
    }

    /// Bytes that the guest has not taken. While there are any, messages that are useless when late
    /// are not sent.
    std::size_t queued() const { return out_.size(); }

  private:
    void flush();
    void read();
    void lose(std::string_view why);
    Status handle(const wire::Frame& frame);

    /// More than the bootstrap document, which is one frame. A real agent reads; a program that has
    /// taken its place may not.
    static constexpr std::size_t max_queued = wire::max_frame_size;

    std::shared_ptr<device::Stream> connection_;
    Events events_;
    wire::FrameReader in_;
    OutBuffer out_;
    bool resolved_ = false; ///< core.init.resolved has come
    bool lost_ = false;
};

} // namespace msb
