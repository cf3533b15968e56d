// One stream between the host process and the guest, over a Vsock device.
#pragma once

#include "base/byte_queue.hpp"
#include "base/bytes.hpp"
#include "base/event_loop.hpp"
#include "device/vsock/packet.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace msb::virtio {
class Cursor;
}

namespace msb::device {

class Vsock;

enum class VsockClose {
    finished,  ///< The guest closed in order, and everything it sent has been consumed.
    reset,     ///< The guest reset the connection or broke the protocol, or its device went away.
    refused,   ///< Vsock::connect(): nobody listens on that guest port.
    timed_out, ///< Vsock::connect(): the guest did not answer in time.
};
std::string_view to_string(VsockClose reason);

/// Handlers run on the loop, may call every member, and may be set or replaced at any time outside
/// themselves. After on_closed, close() or reset() none is called, and all are destroyed soon.
/// The device keeps an open connection alive; dropping the last outside reference does not close.
class VsockConnection : public std::enable_shared_from_this<VsockConnection> {
  public:
    /// Bytes buffered in each direction at most; also the credit the guest has.
    static constexpr std::uint32_t buffer_limit = 512 << 10;

    std::function<void()> on_connected; ///< Only for Vsock::connect().
    /// More has arrived, or the guest's stream has ended. Called once per arrival, not again for
    /// what was left unconsumed.
    std::function<void()> on_readable;
    /// write() accepted less than it was given, and now there is room for at least half a buffer.
    std::function<void()> on_writable;
    /// The connection is over.
    std::function<void(VsockClose)> on_closed;

    /// Everything received and not consumed. Valid until consume() or the next return to the loop.
    BytesView readable() const { return received_.view(); }
    /// Drops the first `count` bytes and gives the guest credit for them.
    void consume(std::size_t count);
    /// The guest ended its stream: nothing more arrives.
    bool ended() const { return guest_ended_; }
    /// The guest ended its stream and everything it sent has been consumed.
    bool at_end() const { return guest_ended_ && received_.empty(); }

    /// Queues as much as fits, also while connecting; returns how many bytes that was. 0 after
    /// shutdown_write(), close(), the end of the connection, or the guest's end of receiving.
    std::size_t write(BytesView data);
    /// Bytes written and not yet handed to the guest.
    std::size_t unsent() const { return outgoing_.size(); }
    /// End of our stream, after everything written: the guest reads end-of-file.
    void shutdown_write();
    /// Done in both directions: what was written is still delivered (for at most Vsock::linger),
    /// what the guest sends is discarded.
    void close();
    /// Ends at once; the guest sees ECONNRESET.
    void reset();

    bool connected() const { return state_ == State::established; }
    std::uint32_t local_port() const { return local_port_; }
    std::uint32_t guest_port() const { return guest_port_; }

    VsockConnection(const VsockConnection&) = delete;
    VsockConnection& operator=(const VsockConnection&) = delete;

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
    void drop_handlers();

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
