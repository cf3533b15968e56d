// What a guest reaches beside its memory: I/O ports, and the registers of its devices.
//
// All CPUs come here at once. A port at which nothing is reads as ones and swallows what is written, as on a
// PC, where kernels look for devices that way; an address at which nothing is ends the machine, as nobody
// looks for anything there.
#pragma once

#include "base/bytes.hpp"
#include "base/fd.hpp"
#include "engine/kvm/end.hpp"
#include "engine/kvm/mmio.hpp"
#include "engine/kvm/serial.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace msb::engine::kvm {

/// A device as the machine holds it.
struct Device {
    std::unique_ptr<virtio::Frontend> frontend;
    std::unique_ptr<MmioDevice> registers;
    OwnedFd interrupt; ///< an irqfd
};

class Bus {
  public:
    /// `console`: where the guest's lines go.
    Bus(std::vector<Device> devices, OwnedFd serial_interrupt, int console)
        : devices_(std::move(devices)), serial_interrupt_(std::move(serial_interrupt)),
          console_(console) {}

    void read_port(std::uint16_t port, MutableBytesView out);
    void write_port(std::uint16_t port, BytesView data);
    void read_memory(std::uint64_t address, MutableBytesView out);
    void write_memory(std::uint64_t address, BytesView data);

    const std::vector<Device>& devices() const { return devices_; }
    /// Ends the process, and the machine with it. What the console has not shown yet is shown, and, unless the
    /// end is a good one, why: `detail` may be empty.
    [[noreturn]] void end(End end, std::string_view detail = {});

  private:
    void write_serial(std::uint16_t offset, std::uint8_t value);
    void flush_console();
    const Device& device_at(std::uint64_t address);

    const std::vector<Device> devices_;
    const OwnedFd serial_interrupt_;
    const int console_;
    std::mutex serial_mutex_;
    Serial serial_;
    std::string line_; ///< of the console, not written yet
};

/// Raises an eventfd.
void raise(const OwnedFd& event);

} // namespace msb::engine::kvm
