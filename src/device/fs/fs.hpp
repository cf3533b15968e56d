// virtio-fs (virtio 1.2 §5.11): FUSE requests over virtqueues, answered by Shares.
//
// Requests are executed on the loop's thread, one after the other, so give an Fs a
// virtio::DeviceThread of its own. Data of reads and writes goes straight between the file and
// guest memory.
#pragma once

#include "base/event_loop.hpp"
#include "device/fs/shares.hpp"
#include "virtio/device.hpp"

#include <array>
#include <memory>
#include <optional>
#include <vector>

namespace msb::device {

class Fs final : public virtio::Device {
  public:
    static constexpr std::size_t max_tag = 36; ///< §5.11.4

    /// invalid_argument: an empty tag or one that is too long.
    static Result<std::unique_ptr<Fs>> create(std::string_view tag, Shares shares);

    virtio::DeviceId id() const override { return virtio::DeviceId::fs; }
    std::uint64_t features() const override { return 0; }
    /// §5.11.2: one for requests that may not wait behind others, one for all others.
    std::uint16_t queue_count() const override { return queues; }
    void read_config(std::uint32_t offset, MutableBytesView out) override;
    void set_loop(EventLoop& loop) override { loop_ = &loop; }
    void set_features(std::uint64_t) override {}
    void queue_started(std::uint16_t index, virtio::Queue& queue) override;
    void queue_stopped(std::uint16_t index) override;
    bool queue_kicked(std::uint16_t index) override;
    void reset() override;

  private:
    static constexpr std::uint16_t queues = 2;

    Fs(std::string_view tag, Shares shares);
    /// A request for a lock that is not free.
    struct Waiting {
        std::uint16_t queue;
        virtio::Chain chain;
    };

    std::optional<std::uint32_t> execute(bool may_wait);
    void wait(std::uint16_t index);
    void retry();
    int execute_operation(const fuse_in_header& header, virtio::Cursor body, FuseReply& reply);

    std::array<std::uint8_t, max_tag + 4> config_space_{};
    Shares shares_;
    std::array<virtio::Queue*, queues> queues_{};
    EventLoop* loop_ = nullptr;
    std::vector<Waiting> waiting_;
    std::optional<EventLoop::TimerId> retry_;
    virtio::Chain chain_;
    Bytes body_; ///< of the request in hand
    FuseReply reply_;
};

} // namespace msb::device
