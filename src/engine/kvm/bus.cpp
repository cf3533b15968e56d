#include "engine/kvm/bus.hpp"

#include "base/system.hpp"
#include "engine/kvm/arch/x86_64/layout.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <unistd.h>

namespace msb::engine::kvm {

namespace {

/// A console is written a line at a time; longer ones in pieces.
constexpr std::size_t longest_piece = 256;

bool is_within(std::uint16_t port, std::uint16_t first, std::uint16_t count) {
    return port >= first && port < first + count;
}

} // namespace

void raise(const OwnedFd& event) {
    constexpr std::uint64_t one = 1;
    (void)!::write(event.get(), &one, sizeof(one)); // cannot fail short of 2^64 events
}

void Bus::read_port(std::uint16_t port, MutableBytesView out) {
    std::ranges::fill(out, std::uint8_t{0xff});
    if (is_within(port, layout::serial_port, layout::serial_ports) && out.size() == 1) {
        const std::lock_guard lock(serial_mutex_);
        out[0] = serial_.read(port - layout::serial_port);
    } else if (port == layout::panic_port) {
        out[0] = 1; // one event is known: the panic
    } else if (port == layout::sleep_status_port) {
        out[0] = 0;
    }
}

void Bus::write_port(std::uint16_t port, BytesView data) {
    const std::uint8_t value = data.front();
    if (is_within(port, layout::serial_port, layout::serial_ports) && data.size() == 1)
        return write_serial(port - layout::serial_port, value);
    switch (port) {
    case layout::panic_port:
        if ((value & 1) != 0)
            end(End::panicked);
        return;
    case layout::reset_port:
        if (value == layout::reset_value)
            end(End::reset);
        return;
    case layout::sleep_control_port:
        if (value == (layout::sleep_enable | layout::power_off_type << layout::sleep_type_shift))
            end(End::powered_off);
        return;
    default: return;
    }
}

void Bus::write_serial(std::uint16_t offset, std::uint8_t value) {
    const std::lock_guard lock(serial_mutex_);
    if (const auto sent = serial_.write(offset, value)) {
        line_ += static_cast<char>(*sent);
        if (*sent == '\n' || line_.size() >= longest_piece)
            flush_console();
    }
    if (serial_.take_interrupt())
        raise(serial_interrupt_);
}

void Bus::flush_console() {
    (void)sys::write_all(console_,
                         as_bytes(line_)); // a console that nobody reads is no reason to end
    line_.clear();
}

const Device& Bus::device_at(std::uint64_t address) {
    const std::uint64_t index = (address - layout::devices) / layout::device_size;
    if (address < layout::devices || index >= devices_.size())
        end(End::stray_access, fmt::format("{:#x}", address));
    return devices_[index];
}

void Bus::read_memory(std::uint64_t address, MutableBytesView out) {
    device_at(address).registers->read(address % layout::device_size, out);
}

void Bus::write_memory(std::uint64_t address, BytesView data) {
    const Device& device = device_at(address);
    const Status done = device.registers->write(address % layout::device_size, data);
    if (!done)
        end(End::device_lost, done.error().to_string());
    if (device.registers->take_needs_interrupt())
        raise(device.interrupt);
}

void Bus::end(End end, std::string_view detail) {
    const std::lock_guard lock(serial_mutex_); // the first to come says how it was
    if (end != End::powered_off && end != End::reset)
        line_ += fmt::format("{}microvm: {}{}{}\n", line_.empty() ? "" : "\n", describe(end),
                             detail.empty() ? "" : ": ", detail);
    flush_console();
    ::_exit(static_cast<int>(end));
}

} // namespace msb::engine::kvm
