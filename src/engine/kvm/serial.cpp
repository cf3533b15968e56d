#include "engine/kvm/serial.hpp"

namespace msb::engine::kvm {

namespace {

// The registers by offset, and their bits (the data sheet of National's PC16550D, §8).
enum : std::uint16_t {
    serial_data,
    serial_interrupt_enable,
    serial_identification, ///< read; written, it controls the FIFO
    serial_line_control,
    serial_modem_control,
    serial_line_status,
    serial_modem_status,
    serial_scratch,
};
constexpr std::uint8_t enable_when_empty = 1 << 1;
constexpr std::uint8_t none_pending = 1, empty_is_pending = 2, fifo_is_on = 0xc0;
constexpr std::uint8_t fifo_enable = 1;
constexpr std::uint8_t may_send = 1 << 5, is_idle = 1 << 6;
constexpr std::uint8_t loop_back = 1 << 4;

} // namespace

std::uint8_t Serial::read(std::uint16_t offset) {
    switch (offset) {
    case serial_data: return divisor_shown() ? divisor_[0] : 0; // nothing is ever received
    case serial_interrupt_enable: return divisor_shown() ? divisor_[1] : interrupt_enable_;
    case serial_identification: {
        const bool pending = empty_pending_ && (interrupt_enable_ & enable_when_empty) != 0;
        if (pending)
            empty_pending_ = false; // which reading it does
        return static_cast<std::uint8_t>((pending ? empty_is_pending : none_pending) |
                                         ((fifo_control_ & fifo_enable) != 0 ? fifo_is_on : 0));
    }
    case serial_line_control: return line_control_;
    case serial_modem_control: return modem_control_;
    case serial_line_status: return may_send | is_idle;
    case serial_modem_status:
        // Looped back, the outputs are the inputs: how drivers find out that there is a port.
        // Otherwise: carrier, ready, clear to send.
        if ((modem_control_ & loop_back) != 0)
            return static_cast<std::uint8_t>((modem_control_ & 1) << 5 | (modem_control_ & 2) << 3 |
                                             (modem_control_ & 4) << 4 | (modem_control_ & 8) << 4);
        return 0xb0;
    default: return scratch_;
    }
}

std::optional<std::uint8_t> Serial::write(std::uint16_t offset, std::uint8_t value) {
    switch (offset) {
    case serial_data:
        if (divisor_shown()) {
            divisor_[0] = value;
            return std::nullopt;
        }
        // Sent in no time: the port is empty again.
        empty_pending_ = true;
        raise_ = raise_ || (interrupt_enable_ & enable_when_empty) != 0;
        if ((modem_control_ & loop_back) != 0)
            return std::nullopt;
        return value;
    case serial_interrupt_enable:
        if (divisor_shown()) {
            divisor_[1] = value;
            return std::nullopt;
        }
        if ((value & ~interrupt_enable_ & enable_when_empty) != 0) {
            empty_pending_ = true;
            raise_ = true;
        }
        interrupt_enable_ = value & 0x0f;
        return std::nullopt;
    case serial_identification: fifo_control_ = value; return std::nullopt;
    case serial_line_control: line_control_ = value; return std::nullopt;
    case serial_modem_control: modem_control_ = value & 0x1f; return std::nullopt;
    case serial_scratch: scratch_ = value; return std::nullopt;
    default: return std::nullopt; // the status registers are not written
    }
}

bool Serial::take_interrupt() {
    const bool raise = raise_;
    raise_ = false;
    return raise;
}

} // namespace msb::engine::kvm
