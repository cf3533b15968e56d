// A 16550A serial port of which only the sending half is connected: the guest's console, from its first
// line on. A pure state machine; the bytes that it sends are the caller's to write.
#pragma once

#include <cstdint>
#include <optional>

namespace msb::engine::kvm {

class Serial {
  public:
    /// `offset`: 0 to 7.
    std::uint8_t read(std::uint16_t offset);
    /// The byte that goes out, if one does.
    std::optional<std::uint8_t> write(std::uint16_t offset, std::uint8_t value);
    /// Whether the port has an interrupt to raise since this was last asked. Edge-triggered.
    bool take_interrupt();

  private:
    bool divisor_shown() const { return (line_control_ & 0x80) != 0; }

    std::uint8_t interrupt_enable_ = 0;
    std::uint8_t line_control_ = 0;
    std::uint8_t modem_control_ = 0;
    std::uint8_t scratch_ = 0;
    std::uint8_t divisor_[2] = {};
    std::uint8_t fifo_control_ = 0;
    bool empty_pending_ = false; ///< "May send" has not been seen yet.
    bool raise_ = false;
};

} // namespace msb::engine::kvm
