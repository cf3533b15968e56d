// The driver's side of virtqueues, for tests and fuzzing of devices without a guest.
#pragma once

#include "base/fd.hpp"
#include "virtio/device.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace msb::virtio::testing {

/// Guest RAM in a memfd: one region, mapped once for the test and once by the device.
class Ram {
  public:
    static constexpr std::uint64_t guest_base = 0x10000;         ///< Guest-physical address.
    static constexpr std::uint64_t user_base = 0x7000'0000'0000; ///< "Front-end" address.

    explicit Ram(std::size_t size);
    ~Ram();
    Ram(const Ram&) = delete;
    Ram& operator=(const Ram&) = delete;

    std::uint8_t* at(std::uint64_t guest_address) { return bytes_ + (guest_address - guest_base); }
    std::size_t size() const { return size_; }
    int fd() const { return fd_.get(); }
    const GuestMemory& memory() const { return memory_; }
    /// A fresh, zeroed piece; its guest-physical address. Ends the test program if RAM is used up.
    std::uint64_t allocate(std::size_t size, std::size_t alignment = 16);
    /// Allocates and fills.
    std::uint64_t store(BytesView bytes);
    Bytes load(std::uint64_t guest_address, std::size_t size);
    /// Zeroes what was allocated and starts from the beginning again.
    void clear();

  private:
    OwnedFd fd_;
    std::size_t size_;
    std::uint8_t* bytes_ = nullptr;
    std::size_t next_ = 0;
    GuestMemory memory_;
};

struct Buffer {
    std::uint64_t address = 0; ///< Guest-physical.
    std::uint32_t length = 0;
    bool writable = false;
};

struct Used {
    std::uint32_t head = 0;
    std::uint32_t length = 0;
};

/// One ring as a driver fills it. Descriptors are not reused: size the ring for the whole test.
class DriverRing {
  public:
    DriverRing(Ram& ram, std::uint16_t size, bool event_index = true);

    Queue::Config config() const;
    /// Makes a chain available; its head.
    std::uint16_t add(const std::vector<Buffer>& buffers, bool indirect = false);
    /// The next chain that the device gave back.
    std::optional<Used> used();
    /// Publishes a head without writing descriptors.
    void publish(std::uint16_t head);

    // Raw access, for rings that break the rules.
    void set_descriptor(std::uint16_t index, std::uint64_t address, std::uint32_t length,
                        std::uint16_t flags, std::uint16_t next);
    void set_available_index(std::uint16_t index);
    void set_used_event(std::uint16_t index); ///< "Interrupt me after this entry."
    std::uint16_t available_event() const;    ///< "Kick me after this entry."
    std::uint16_t available_index() const { return available_index_; }

  private:
    Ram& ram_;
    std::uint16_t size_;
    bool event_index_;
    std::uint64_t descriptors_;
    std::uint64_t available_;
    std::uint64_t used_;
    std::uint16_t next_descriptor_ = 0;
    std::uint16_t available_index_ = 0;
    std::uint16_t seen_used_ = 0;
};

/// Sends one message with descriptors, without waiting.
void send_with_fds(int socket, BytesView data, const std::vector<int>& fds);

constexpr std::uint16_t desc_next = 1;
constexpr std::uint16_t desc_write = 2;
constexpr std::uint16_t desc_indirect = 4;

} // namespace msb::virtio::testing
