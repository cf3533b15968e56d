// Where everything is in the guest's physical address space.
//
//   0          the first megabyte: what the kernel is started with, and the ACPI tables
//   1 MiB      kernel; the initramfs ends where low RAM does
//   3 GiB      no RAM: a page of registers for each virtio device, the interrupt controllers
//   4 GiB      RAM that did not fit below
#pragma once

#include <cstddef>
#include <cstdint>

namespace msb::engine::kvm::layout {

constexpr std::uint64_t gdt = 0x500;
constexpr std::uint64_t boot_parameters = 0x7000;
constexpr std::uint64_t page_tables = 0x9000; ///< six pages
constexpr std::uint64_t command_line = 0x20000;
constexpr std::uint64_t low_end = 0x9fc00; ///< where PCs keep the extended BIOS data area
constexpr std::uint64_t acpi = 0xe0000;    ///< where a kernel would look by itself, too
constexpr std::uint64_t acpi_size = 0x20000;
constexpr std::uint64_t high_start = 0x10'0000;

constexpr std::uint64_t gap_start = 0xc000'0000, gap_end = 0x1'0000'0000;
constexpr std::uint64_t devices = 0xd000'0000;
constexpr std::uint64_t device_size = 0x1000;
constexpr std::uint64_t io_apic = 0xfec0'0000;
constexpr std::uint64_t local_apic = 0xfee0'0000;
/// Pages that KVM needs for itself on Intel's CPUs.
constexpr std::uint64_t identity_map = 0xfffb'c000, task_state = 0xfffb'd000;

/// I/O ports.
constexpr std::uint16_t serial_port = 0x3f8, serial_ports = 8;
constexpr std::uint16_t panic_port = 0x505;
constexpr std::uint16_t sleep_control_port = 0x600, sleep_status_port = 0x601, reset_port = 0x602;
/// Bits of the sleep control register, ACPI 6.4 table 4.23, and the type that \_S5 gives.
constexpr std::uint8_t sleep_enable = 1 << 5, sleep_type_shift = 2, power_off_type = 5;
constexpr std::uint8_t reset_value = 1;

/// Inputs of the I/O APIC, of which there are 24.
constexpr unsigned serial_interrupt = 4;
constexpr unsigned first_device_interrupt = 5, interrupts = 24;
constexpr std::size_t most_devices = interrupts - first_device_interrupt;
constexpr unsigned most_cpus = 64;

} // namespace msb::engine::kvm::layout
