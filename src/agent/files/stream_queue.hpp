// The data of one stream between the loop and the thread that does its system calls.
#pragma once

#include "tar/source.hpp"
#include "wire/transport.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>

namespace msb::agent {

/// A queue of bounded size in one direction. The thread's side blocks; the loop's never does.
class StreamQueue final : public Source, public Sink {
  public:
    /// `wake` is called on the thread when the loop has something to do: to send data, or to let
    /// the sender go on because there is room again or much was read. It is not called again before
    /// attend().
    explicit StreamQueue(std::function<void()> wake) : wake_(std::move(wake)) {}

    // --- the thread ---
    Result<std::size_t> read(MutableBytesView buffer) override;
    Status write(BytesView data) override;

    // --- the loop ---
    /// Bytes the thread has read since the last time.
    std::size_t attend();
    /// Data from the client. Bytes beyond the bound are kept, too: the caller has to stop the
    /// sender then.
    void push(BytesView data);
    void end();
    bool over_bound() const;
    /// For the client; nothing if there is nothing yet.
    std::optional<Bytes> pop();
    bool empty() const;
    /// end() was called.
    bool has_ended() const;
    /// The thread gets errors (cancelled) from now on, and what is queued is gone.
    void close();

    static constexpr std::size_t bound = std::size_t{1} << 20;
    static constexpr std::size_t chunk = wire::client_piece;

  private:
    void wake_loop(std::unique_lock<std::mutex>& lock);

    std::function<void()> wake_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Bytes> chunks_;
    std::size_t begin_ = 0; ///< of the first chunk, what the thread has read
    std::size_t queued_ = 0;
    std::size_t taken_ = 0; ///< read, and not told to the loop yet
    bool ended_ = false;
    bool closed_ = false;
    bool woken_ = false;
};

} // namespace msb::agent
