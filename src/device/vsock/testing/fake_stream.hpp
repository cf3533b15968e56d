// A guest's end of streams, for tests and fuzzing of what speaks over them without a device.
//
// It keeps the promises of Stream and no others: the same bounds, the same moments at which
// handlers may be called. What it does beyond them is up to the test: a guest is hostile.
#pragma once

#include "base/byte_queue.hpp"
#include "device/vsock/stream.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace msb::device::testing {

class FakeStream final : public Stream {
  public:
    // The host's side.
    BytesView readable() const override { return received_.view(); }
    void consume(std::size_t count) override { received_.pop(std::min(count, received_.size())); }
    bool ended() const override { return ended_; }
    std::size_t write(BytesView data) override {
        if (over_)
            return 0;
        const std::size_t count = std::min(data.size(), outgoing_.room());
        outgoing_.append(data.first(count));
        refused_ = refused_ || count < data.size();
        return count;
    }
    void close() override { over_ = closed = true; }
    void reset() override { over_ = was_reset = true; }

    // The guest's side. Nothing reaches the host after the end.

    /// Sends as much as it has credit for; how much that was.
    std::size_t send(BytesView data) {
        if (over_ || ended_)
            return 0;
        const std::size_t count = std::min(data.size(), received_.room());
        received_.append(data.first(count));
        if (count > 0 && on_readable)
            on_readable();
        return count;
    }
    void accept() {
        if (!over_ && on_connected)
            on_connected();
    }
    /// What the host wrote, up to so much.
    Bytes take(std::size_t most = buffer_limit) {
        const BytesView view = outgoing_.view().first(std::min(most, outgoing_.size()));
        Bytes data(view.begin(), view.end());
        outgoing_.pop(data.size());
        if (refused_ && !over_ && outgoing_.room() >= buffer_limit / 2) {
            refused_ = false;
            if (on_writable)
                on_writable();
        }
        return data;
    }
    void end() {
        if (over_ || std::exchange(ended_, true))
            return;
        if (on_readable)
            on_readable();
    }
    void finish(StreamEnd reason) {
        if (std::exchange(over_, true))
            return;
        if (const auto handler = on_closed)
            handler(reason);
        drop_handlers();
    }

    bool closed = false;
    bool was_reset = false;

  private:
    ByteQueue received_{buffer_limit};
    ByteQueue outgoing_{buffer_limit};
    bool ended_ = false;
    bool over_ = false;
    bool refused_ = false;
};

/// A guest that takes every connection, up to a bound.
struct FakeGuest {
    std::vector<std::shared_ptr<FakeStream>> streams;
    std::size_t most = 1024;

    Dial dial() {
        return [this](std::uint32_t) -> std::shared_ptr<Stream> {
            if (streams.size() >= most)
                return nullptr;
            return streams.emplace_back(std::make_shared<FakeStream>());
        };
    }
};

} // namespace msb::device::testing
