// One layer from a registry into the pipe of the worker that stores it. A connection that breaks is
// made again from where it broke (a Range request); a server that ignores the range sends
// everything, and what the worker has is skipped. The worker verifies digests whatever arrives.
#pragma once

#include "base/fd.hpp"
#include "image/registry_client.hpp"

#include <chrono>

namespace msb::image {

class LayerTransfer {
  public:
    /// `sink` is the writing end of the pipe.
    LayerTransfer(Digest digest, std::uint64_t size, OwnedFd sink)
        : digest_(std::move(digest)), size_(size), sink_(std::move(sink)) {}
    ~LayerTransfer() { detach(); }
    LayerTransfer(const LayerTransfer&) = delete;
    LayerTransfer& operator=(const LayerTransfer&) = delete;

    /// The pipe is closed: everything is in it, or its reader is gone.
    bool done() const { return !sink_ && !transfer_; }
    bool waits_to_connect() const {
        return sink_ && !transfer_ && !complete() && Clock::now() >= retry_at_;
    }
    bool is(const CURL* handle) const { return transfer_ && transfer_->handle() == handle; }
    /// The pipe to wait for, or -1.
    int blocked_pipe() const { return pending_.empty() ? -1 : sink_.get(); }

    Status connect(CURLM* multi, const RegistryClient& client);
    /// The transfer ended with `code`. An error is final; otherwise it may wait_to_connect() again.
    Status ended(CURLcode code, RegistryClient& client);
    /// Writes what a full pipe had refused, and lets the transfer go on when it is gone.
    void flush();

  private:
    using Clock = std::chrono::steady_clock;

    bool complete() const { return received_ == size_; }
    std::string name() const { return "layer " + digest_.to_string(); }
    void detach();
    Error wrong_answer(long status, const RegistryClient& client) const;
    bool find_position();
    std::size_t receive(std::string_view data);
    std::size_t write_some(std::string_view data);

    Digest digest_;
    std::uint64_t size_;
    OwnedFd sink_;
    CURLM* multi_ = nullptr;
    std::unique_ptr<HttpTransfer> transfer_;
    std::string pending_;        ///< Received, and refused by the full pipe.
    std::uint64_t received_ = 0; ///< Bytes of the layer, from its start.
    std::uint64_t skip_ = 0;     ///< Of this answer: bytes that the worker has already.
    bool position_known_ = false;
    bool ignore_ = false;        ///< The answer's body is the text of an error.
    std::optional<Error> error_; ///< Why receive() gave up.
    std::uint64_t at_attempt_start_ = 0;
    unsigned fruitless_ = 0;
    unsigned refused_ = 0;
    Clock::time_point retry_at_ = Clock::now();
};

} // namespace msb::image
