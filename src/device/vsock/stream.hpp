// One stream between the host process and the guest, as whoever speaks over it sees it. Its peer is
// the guest, and hostile: tests and fuzzers stand in its place (device/vsock/testing).
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace msb::device {

enum class StreamEnd {
    finished,  ///< The guest closed in order, and everything it sent has been consumed.
    reset,     ///< The guest reset the connection or broke the protocol, or its device went away.
    refused,   ///< A connection of ours: nobody listens on that guest port.
    timed_out, ///< A connection of ours: the guest did not answer in time.
};
std::string_view to_string(StreamEnd reason);

/// Handlers run on the loop, may call every member, and may be set or replaced at any time outside
/// themselves. After on_closed, close() or reset() none is called, and all are destroyed soon.
/// Dropping the last reference does not close.
class Stream {
  public:
    /// Bytes buffered in each direction at most; also the credit the guest has.
    static constexpr std::uint32_t buffer_limit = 512 << 10;

    std::function<void()> on_connected; ///< Only for connections of ours.
    /// More has arrived, or the guest's stream has ended. Called once per arrival, not again for
    /// what was left unconsumed.
    std::function<void()> on_readable;
    /// write() accepted less than it was given, and now there is room for at least half a buffer.
    std::function<void()> on_writable;
    /// The connection is over.
    std::function<void(StreamEnd)> on_closed;

    /// Everything received and not consumed. Valid until consume() or the next return to the loop.
    virtual BytesView readable() const = 0;
    /// Drops the first `count` bytes and gives the guest credit for them.
    virtual void consume(std::size_t count) = 0;
    /// The guest ended its stream: nothing more arrives.
    virtual bool ended() const = 0;
    /// The guest ended its stream and everything it sent has been consumed.
    bool at_end() const { return ended() && readable().empty(); }

    /// Queues as much as fits, also while connecting; returns how many bytes that was. 0 after
    /// close(), the end of the connection, or the guest's end of receiving.
    virtual std::size_t write(BytesView data) = 0;
    /// Done in both directions: what was written is still delivered (for a while), what the guest
    /// sends is discarded.
    virtual void close() = 0;
    /// Ends at once; the guest sees ECONNRESET.
    virtual void reset() = 0;

    Stream() = default;
    virtual ~Stream() = default;
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

  protected:
    void drop_handlers() {
        on_connected = nullptr;
        on_readable = nullptr;
        on_writable = nullptr;
        on_closed = nullptr;
    }
};

/// Connects to a port of the guest; on_connected or on_closed follows, never from inside the call.
/// nullptr if there are too many connections already.
using Dial = std::function<std::shared_ptr<Stream>(std::uint32_t guest_port)>;

} // namespace msb::device
