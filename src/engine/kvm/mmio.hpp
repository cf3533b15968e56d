// virtio over memory-mapped registers (virtio 1.2 §4.2): what a driver reads and writes to find a device, agree
// on features, set up queues and start it. A state machine over a Backend, without KVM or a guest.
//
// What a driver writes is the guest's choice and may come at any moment, from any CPU. So: a queue's registers
// can be written only while the queue is not ready, and none after DRIVER_OK; rings that are not in RAM make the
// device one that needs a reset (§2.1.2) and never reach the back-end; features that were not offered are not
// accepted (§2.2). Kicks do not come here: the engine has the hypervisor raise the queue's eventfd.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "virtio/frontend/frontend.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

namespace msb::engine::kvm {

class MmioDevice {
  public:
    /// §5; a driver knows a device by it.
    MmioDevice(std::uint32_t id, virtio::Backend& backend, std::vector<virtio::RamRange> ram);

    /// Reads the configuration space for the first time. Before anything else.
    Status prepare();

    // A CPU's accesses, below layout::device_size.

    void read(std::uint64_t offset, MutableBytesView out);
    /// An error is the back-end's: the device is lost.
    Status write(std::uint64_t offset, BytesView data);

    /// The device's queues have something for the driver. The caller then raises the interrupt.
    void note_used_buffers() { interrupt_status_ |= used_buffers; }
    /// The back-end says that the configuration has changed: the same, after this has succeeded.
    Status note_config_change();
    /// Whether the driver has made a mistake that it is to be told of by an interrupt.
    bool take_needs_interrupt() { return needs_interrupt_.exchange(false); }

    static constexpr std::uint64_t notify_offset = 0x50;
    static constexpr std::uint32_t used_buffers = 1, config_change = 2;

  private:
    static constexpr std::uint16_t largest_queue = 256;
    struct Queue {
        std::uint16_t size = 0;
        bool ready = false;
        std::uint64_t descriptors = 0, available = 0, used = 0;
    };

    std::uint32_t read_register(std::uint64_t offset) const;
    Status write_register(std::uint64_t offset, std::uint32_t value);
    void write_queue_register(std::uint64_t offset, std::uint32_t value);
    Status write_status(std::uint32_t value);
    Status write_config(std::uint64_t offset, BytesView data);
    Status start();
    Status reset();
    bool is_sound(const Queue& queue) const;
    bool is_ram(std::uint64_t address, std::uint64_t size) const;
    void require_reset();

    const std::uint32_t id_;
    virtio::Backend& backend_;
    const std::vector<virtio::RamRange> ram_;
    std::atomic<std::uint32_t> interrupt_status_ = 0;
    std::atomic<bool> needs_interrupt_ = false;

    std::mutex mutex_; ///< CPUs among each other, and with changes of the configuration.
    Bytes config_;
    std::uint32_t config_generation_ = 0;
    std::uint64_t driver_features_ = 0;
    std::uint32_t status_ = 0;
    bool started_ = false; ///< The back-end serves the rings.
    std::uint32_t device_features_select_ = 0, driver_features_select_ = 0, queue_select_ = 0;
    std::vector<Queue> queues_;
};

} // namespace msb::engine::kvm
