// virtio-fs (virtio 1.2 §5.11): FUSE requests over virtqueues, answered by Shares.
//
// Requests are executed on the loop's thread, one after the other, so give an Fs a
// virtio::DeviceThread of its own. Data of reads and writes goes straight between the file and
// guest memory.
#pragma once

#include "device/fs/shares.hpp"
#include "virtio/device.hpp"

#include <array>
#include <memory>

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
    void set_features(std::uint64_t) override {}
    void queue_started(std::uint16_t index, virtio::Queue& queue) override;
    void queue_stopped(std::uint16_t index) override;
    bool queue_kicked(std::uint16_t index) override;
    void reset() override { shares_.reset(); }

  private:
    static constexpr std::uint16_t queues = 2;

    Fs(std::string_view tag, Shares shares);
    std::uint32_t execute();
    int execute_operation(const fuse_in_header& header, virtio::Cursor body, FuseReply& reply);

    std::array<std::uint8_t, max_tag + 4> config_space_{};
    Shares shares_;
    std::array<virtio::Queue*, queues> queues_{};
    virtio::Chain chain_;
    Bytes body_; ///< of the request in hand
    FuseReply reply_;
};

} // namespace msb::device
