// The device side of a split virtqueue (virtio 1.2 §2.7).
//
// Theory of operation. The three areas of the ring live in guest memory, which the guest may change
// at any moment, also while we look at it. So every index, descriptor and ring entry is loaded once
// into a local and only the local is validated and used; nothing the device wrote is read back.
// A ring that breaks a rule which leaves no sane way on (an index or address out of bounds, a loop,
// an inconsistent descriptor) becomes *broken*: it yields nothing more until it is started anew,
// the front-end is told (§2.1.2 DEVICE_NEEDS_RESET), and the process carries on.
#pragma once

#include "base/result.hpp"
#include "virtio/chain.hpp"
#include "virtio/guest_memory.hpp"
#include "virtio/interrupt.hpp"

#include <cstdint>
#include <functional>
#include <string_view>

namespace msb::virtio {

class Queue {
  public:
    /// §2.7: a power of two, at most 32768. We accept less, enough for every driver.
    static constexpr std::uint32_t max_size = 1024;

    struct Config {
        std::uint16_t size = 0; ///< Entries.
        /// Addresses in the front-end's address space (vhost-user SET_VRING_ADDR).
        std::uint64_t descriptors = 0;
        std::uint64_t available = 0;
        std::uint64_t used = 0;
        /// Both indices to continue from: the next entry of the available ring.
        std::uint16_t next_available = 0;
        bool event_index = false; ///< VIRTIO_F_EVENT_IDX was negotiated.
        bool indirect = false;    ///< VIRTIO_F_INDIRECT_DESC was negotiated.
    };

    /// `memory` must outlive the queue's running time. `on_broken` is called at most once per
    /// start, from inside the call that found the fault.
    Status start(const GuestMemory& memory, const Config& config,
                 std::function<void(std::string_view reason)> on_broken);
    void stop();
    bool running() const { return memory_ != nullptr; }
    bool broken() const { return broken_; }

    /// The next chain, or false if there is none (or the ring is broken or stopped). `chain` keeps
    /// its capacity, so reusing one object costs no allocation.
    bool pop(Chain& chain);
    /// The last `count` chains that were popped, and not pushed, will be popped again.
    void unpop(std::uint16_t count) {
        next_available_ = static_cast<std::uint16_t>(next_available_ - count);
    }
    /// Gives a popped chain back, `written` bytes of its writable part filled (§2.7.8).
    void push(const Chain& chain, std::uint32_t written);
    /// Interrupts the driver if it asked for it since the last call (§2.7.7, §2.7.10).
    void notify();

    /// Asks the driver for a kick when it adds a buffer. True: buffers arrived meanwhile, so the
    /// caller must pop again.
    bool arm();
    /// Tells the driver that kicks are not needed; a hint (§2.7.10.1).
    void disarm();
    /// Whether pop() would find something; for polling without a kick.
    bool has_available();

    std::uint16_t next_available() const { return next_available_; }
    std::uint16_t size() const { return size_; }

    void set_interrupt(Interrupt interrupt) { interrupt_ = std::move(interrupt); }

  private:
    struct Descriptor {
        std::uint64_t address;
        std::uint32_t length;
        std::uint16_t flags;
        std::uint16_t next;
    };
    static Descriptor load(const std::uint8_t* table, std::size_t index);
    bool collect(std::uint16_t head, Chain& chain);
    bool collect_indirect(const Descriptor& table, Chain& chain);
    bool add(const Descriptor& descriptor, Chain& chain);
    bool fault(std::string_view reason);
    bool interrupt_wanted();

    // Field addresses, §2.7.6 and §2.7.8. used_event and avail_event sit behind the ring entries.
    std::uint16_t& available_field(std::size_t index) const;
    std::uint16_t& used_field(std::size_t byte_offset) const;

    const GuestMemory* memory_ = nullptr;
    std::uint8_t* descriptors_ = nullptr;
    std::uint8_t* available_ = nullptr;
    std::uint8_t* used_ = nullptr;
    std::uint16_t size_ = 0;
    std::uint16_t next_available_ = 0; ///< Free-running, §2.7.6.
    std::uint16_t seen_available_ = 0; ///< The driver's index when we last looked.
    std::uint16_t next_used_ = 0;
    std::uint16_t signalled_used_ = 0; ///< next_used_ at the last notify().
    bool event_index_ = false;
    bool indirect_ = false;
    bool broken_ = false;
    std::function<void(std::string_view)> on_broken_;
    Interrupt interrupt_;
};

} // namespace msb::virtio
