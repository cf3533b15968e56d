// One stream between the host process and the guest, over a Vsock device.
#pragma once

#include "base/byte_queue.hpp"
#include "base/bytes.hpp"
#include "base/event_loop.hpp"
#include "device/vsock/packet.hpp"
#include "device/vsock/stream.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace msb::virtio {
class Cursor;
}

namespace msb::device {

class Vsock;

/// The device keeps an open connection alive.
class VsockConnection final : public Stream, public std::enable_shared_from_this<VsockConnection> {
  public:
    BytesView readable() const override { return received_.view(); }
    void consume(std::size_t count) override;
    bool ended() const override { return guest_ended_; }
    std::size_t write(BytesView data) override;
    void close() override;
    void reset() override;

    /// Bytes written and not yet handed to the guest.
    std::size_t unsent() const { return outgoing_.size(); }
    /// End of our stream, after everything written: the guest reads end-of-file. write() takes
    /// nothing more.
    void shutdown_write();
    bool connected() const { return state_ == State::established; }
    std::uint32_t local_port() const { return local_port_; }
    std::uint32_t guest_port() const { return guest_port_; }

  private:
    friend class Vsock;
    enum class State { connecting, established, over };

    VsockConnection(Vsock& device, std::uint32_t local_port, std::uint32_t guest_port)
        : device_(&device), local_port_(local_port), guest_port_(guest_port) {}

    // What the guest sent. False: it broke the protocol, reset the connection.
    bool handle(const VsockHeader& header, virtio::Cursor payload);
    bool handle_data(const VsockHeader& header, virtio::Cursor payload);
    bool handle_response();
    bool handle_shutdown(std::uint32_t flags);
    bool handle_reset();
    void finish();
    void end_later();
    void update_credit(const VsockHeader& header);

    /// What to send next, if anything; decides the order of everything a connection says.
    std::optional<VsockOp> next_op() const;
    /// A header of this connection with current credit; the caller will send it.
    VsockHeader announce(VsockOp op);
    void sent(VsockOp op, std::size_t data_bytes);
    std::uint32_t credit() const;

    Vsock* device_; ///< nullptr when the connection is over.
    std::uint32_t local_port_;
    std::uint32_t guest_port_;
    State state_ = State::connecting;
    ByteQueue received_{buffer_limit};
    ByteQueue outgoing_{buffer_limit};

    // Credit, §5.10.6.3. Counters of bytes, modulo 2^32.
    std::uint32_t forwarded_ = 0;       ///< Consumed by our reader (our fwd_cnt).
    std::uint32_t told_forwarded_ = 0;  ///< The value in the last packet we sent.
    std::uint32_t sent_ = 0;            ///< Our tx_cnt.
    std::uint32_t guest_buffer_ = 0;    ///< peer_buf_alloc
    std::uint32_t guest_forwarded_ = 0; ///< peer_fwd_cnt

    bool request_due_ = false;
    bool response_due_ = false;
    bool credit_update_due_ = false;
    bool credit_requested_ = false; ///< And no credit came since.
    bool guest_ended_ = false;      ///< SHUTDOWN with "send".
    bool guest_deaf_ = false;       ///< SHUTDOWN with "receive".
    bool write_ended_ = false;      ///< shutdown_write() or close()
    bool end_sent_ = false;
    bool closing_ = false; ///< close(): no handlers any more.
    bool close_sent_ = false;
    bool write_refused_ = false; ///< on_writable is owed.
    bool queued_ = false;        ///< In Vsock::ready_.
    EventLoop::TimerId timer_ = 0;
};

} // namespace msb::device
