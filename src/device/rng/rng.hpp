// virtio-rng (virtio 1.2 §5.4): entropy from the host's getrandom(2).
//
// System calls at run time, beside those of VhostUserServer: getrandom.
#pragma once

#include "base/event_loop.hpp"
#include "virtio/device.hpp"

namespace msb::device {

class Rng final : public virtio::Device {
  public:
    /// The guest gets at most this many bytes a second; a request beyond waits.
    static constexpr std::uint32_t bytes_per_second = 1 << 20;
    /// At most this many bytes for one buffer; §5.4.6.1 allows to fill only a part.
    static constexpr std::uint32_t bytes_per_buffer = 4096;

    /// `loop` must be the one that serves the device.
    explicit Rng(EventLoop& loop) : loop_(loop) {}
    ~Rng() override;

    virtio::DeviceId id() const override { return virtio::DeviceId::entropy; }
    std::uint64_t features() const override { return 0; }
    std::uint16_t queue_count() const override { return 1; }
    void read_config(std::uint32_t offset, MutableBytesView out) override;
    void set_features(std::uint64_t) override {}
    void queue_started(std::uint16_t, virtio::Queue& queue) override { queue_ = &queue; }
    void queue_stopped(std::uint16_t index) override;
    bool queue_kicked(std::uint16_t index) override;
    void reset() override {}

  private:
    void serve();
    void refill();

    EventLoop& loop_;
    virtio::Queue* queue_ = nullptr;
    std::uint32_t budget_ = 0; ///< Bytes left of this period.
    EventLoop::TimerId refill_timer_ = 0;
    virtio::Chain chain_;
};

} // namespace msb::device
