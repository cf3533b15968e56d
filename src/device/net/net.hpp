// virtio-net (virtio 1.2 §5.1), one queue pair: carries frames between the guest's driver and a
// FrameSink. Checksums and the cutting of large TCP segments are left to the guest's driver; in the
// other direction nobody needs them, because what the guest sends goes into a stream.
//
// System calls at run time, beside those of VhostUserServer: none.
#pragma once

#include "base/event_loop.hpp"
#include "base/token_bucket.hpp"
#include "link/link.hpp"
#include "virtio/device.hpp"

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace msb::device {

class Net final : public virtio::Device, public Link {
  public:
    struct Config {
        std::array<std::uint8_t, 6> mac{}; ///< of the guest
        std::uint16_t mtu = 1500;
    };
    /// The largest IP packet there is, its Ethernet header, and a VLAN's tag.
    static constexpr std::size_t largest_frame = 65535 + 14 + 4;

    explicit Net(const Config& config) : config_(config) {}
    /// Call before the device is served; the sink must outlive it.
    void set_sink(FrameSink& sink) { sink_ = &sink; }
    /// What goes beyond these waits: the guest's frames in its queue, those for it where they come
    /// from. `loop` is the one that the device is served by. Call before that.
    void limit(EventLoop& loop, const LinkRates& rates);

    /// Bytes of frames so far.
    struct Traffic {
        std::uint64_t from_guest = 0;
        std::uint64_t to_guest = 0;
    };
    const Traffic& traffic() const { return traffic_; }
    std::function<void()> moved; ///< called when some frames have gone; may be empty

    virtio::DeviceId id() const override { return virtio::DeviceId::net; }
    std::uint64_t features() const override;
    std::uint16_t queue_count() const override { return 2; }
    void read_config(std::uint32_t offset, MutableBytesView out) override;
    void set_features(std::uint64_t features) override { features_ = features; }
    void queue_started(std::uint16_t index, virtio::Queue& queue) override;
    void queue_stopped(std::uint16_t index) override;
    bool queue_kicked(std::uint16_t index) override;
    void reset() override;

    bool send(const Offload& offload, std::span<const iovec> frame) override;
    void flush() override;
    bool takes_partial_checksums() const override;
    bool takes_large_segments(bool ipv6) const override;

  private:
    /// One direction's limits, and the time at which what they hold back goes on.
    class Limiter {
      public:
        ~Limiter();
        void set(EventLoop& loop, const RateLimits& rates, std::function<void()> go_on);
        /// Whether another frame may pass. If not, `go_on` follows.
        bool admits();
        void passed(std::size_t bytes);
        void go_on_later(std::chrono::nanoseconds wait = {});

      private:
        EventLoop* loop_ = nullptr; ///< none: no limits
        std::optional<TokenBucket> bytes_, frames_;
        std::function<void()> go_on_;
        EventLoop::TimerId timer_ = 0;
    };

    bool receive();
    void take_frame();
    bool gather(std::size_t size, std::uint64_t& room);
    void give_back();

    Config config_;
    FrameSink* sink_ = nullptr;
    std::uint64_t features_ = 0;
    virtio::Queue* rx_ = nullptr; ///< Queue 0: buffers for frames to the guest.
    virtio::Queue* tx_ = nullptr; ///< Queue 1: frames from the guest.
    virtio::Chain chain_;
    std::vector<virtio::Chain> buffers_; ///< of the frame being sent; keep their capacity
    std::size_t used_buffers_ = 0;
    Bytes frame_ = Bytes(largest_frame);
    Traffic traffic_;
    Limiter from_guest_, to_guest_;
};

} // namespace msb::device
