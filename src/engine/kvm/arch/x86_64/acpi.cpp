#include "engine/kvm/arch/x86_64/acpi.hpp"

#include "engine/kvm/arch/x86_64/aml.hpp"
#include "engine/kvm/arch/x86_64/layout.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <numeric>

namespace msb::engine::kvm {

namespace {

std::uint8_t checksum(BytesView bytes) {
    return static_cast<std::uint8_t>(-std::accumulate(bytes.begin(), bytes.end(), 0));
}

void put_text(MutableBytesView at, std::string_view text) {
    std::ranges::copy(text, at.begin());
}

/// §5.2.6: every table but the root pointer begins with the same 36 bytes.
constexpr std::size_t table_header = 36;
Bytes table(std::string_view signature, std::uint8_t revision, BytesView body) {
    Bytes out(table_header);
    put_text(out, signature);
    store_le(MutableBytesView(out).subspan(4),
             static_cast<std::uint32_t>(table_header + body.size()));
    out[8] = revision;
    put_text(MutableBytesView(out).subspan(10), "MSB   MICROVM ");
    store_le(MutableBytesView(out).subspan(24), std::uint32_t{1});
    put_text(MutableBytesView(out).subspan(28), "MSB ");
    store_le(MutableBytesView(out).subspan(32), std::uint32_t{1});
    out.insert(out.end(), body.begin(), body.end());
    out[9] = checksum(out);
    return out;
}

/// §5.2.5.3.
constexpr std::size_t root_pointer_size = 36;
Bytes root_pointer(std::uint64_t xsdt) {
    Bytes out(root_pointer_size);
    put_text(out, "RSD PTR ");
    put_text(MutableBytesView(out).subspan(9), "MSB   ");
    out[15] = 2;
    store_le(MutableBytesView(out).subspan(20), std::uint32_t{root_pointer_size});
    store_le(MutableBytesView(out).subspan(24), xsdt);
    out[8] = checksum(BytesView(out).first(20));
    out[32] = checksum(out);
    return out;
}

/// §5.2.3.2: a register of one byte in I/O space.
void put_register(MutableBytesView at, std::uint16_t port) {
    at[0] = 1; // I/O space
    at[1] = 8; // bits
    at[3] = 1; // accessed bytewise
    store_le(at.subspan(4), std::uint64_t{port});
}

/// §5.2.9. Offsets are those of the whole table.
Bytes fixed_description(std::uint64_t dsdt) {
    Bytes body(276 - table_header);
    const auto at = [&body](std::size_t offset) {
        return MutableBytesView(body).subspan(offset - table_header);
    };
    constexpr std::uint16_t no_vga = 1 << 2, no_msi = 1 << 3, no_cmos_clock = 1 << 5;
    store_le(at(109), static_cast<std::uint16_t>(no_vga | no_msi | no_cmos_clock));
    constexpr std::uint32_t wbinvd = 1 << 0, no_power_button = 1 << 4, no_sleep_button = 1 << 5,
                            reset_register = 1 << 10, hardware_reduced = 1 << 20;
    store_le(at(112),
             wbinvd | no_power_button | no_sleep_button | reset_register | hardware_reduced);
    put_register(at(116), layout::reset_port);
    at(128)[0] = layout::reset_value;
    at(131)[0] = 4; // of revision 6.4
    store_le(at(140), dsdt);
    put_register(at(244), layout::sleep_control_port);
    put_register(at(256), layout::sleep_status_port);
    put_text(at(268), "KVM");
    return table("FACP", 6, body);
}

/// §5.2.12: the CPUs and the I/O APIC.
Bytes interrupt_controllers(unsigned cpus) {
    Bytes body(8);
    store_le(body, static_cast<std::uint32_t>(layout::local_apic));
    for (unsigned i = 0; i < cpus; ++i) {
        const auto id = static_cast<std::uint8_t>(i);
        const std::uint8_t local_apic[] = {0, 8, id, id, 1, 0, 0, 0}; // enabled
        body = aml::join({body, local_apic});
    }
    Bytes io_apic = {1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}; // its inputs count from 0
    store_le(MutableBytesView(io_apic).subspan(4), static_cast<std::uint32_t>(layout::io_apic));
    return table("APIC", 5, aml::join({body, io_apic}));
}

Bytes serial_device() {
    using namespace aml;
    return device("COM1",
                  join({name("_HID", eisa_id("PNP0501")), name("_UID", integer(0)),
                        name("_CRS", resources({ports(layout::serial_port, layout::serial_ports),
                                                interrupt(layout::serial_interrupt)}))}));
}

/// What Linux tells of a panic by (its documentation calls it pvpanic).
Bytes panic_device() {
    using namespace aml;
    return device("PANI", join({name("_HID", text("QEMU0001")), name("_UID", integer(0)),
                                name("_CRS", resources({ports(layout::panic_port, 1)}))}));
}

Bytes virtio_device(unsigned index) {
    using namespace aml;
    const auto address = static_cast<std::uint32_t>(layout::devices + index * layout::device_size);
    return device(
        fmt::format("V{:03}", index),
        join({name("_HID", text("LNRO0005")), name("_UID", integer(index)),
              name("_CCA", integer(1)), // coherent with the CPUs' caches
              name("_CRS", resources({memory(address, layout::device_size),
                                      interrupt(layout::first_device_interrupt + index)}))}));
}

Bytes devices_description(unsigned devices) {
    using namespace aml;
    Bytes all = join({serial_device(), panic_device()});
    for (unsigned i = 0; i < devices; ++i)
        all = join({all, virtio_device(i)});
    const Bytes off = integer(layout::power_off_type), zero = integer(0);
    return table("DSDT", 6,
                 join({scope("\\_SB_", all), name("\\_S5_", package({off, zero, zero, zero}))}));
}

} // namespace

Bytes make_acpi_tables(const AcpiMachine& machine) {
    Bytes out(root_pointer_size);
    const auto append = [&out](BytesView bytes) {
        out.resize(align_up<std::size_t>(out.size(), 8));
        const std::uint64_t address = layout::acpi + out.size();
        out.insert(out.end(), bytes.begin(), bytes.end());
        return address;
    };
    const std::uint64_t dsdt = append(devices_description(machine.devices));
    Bytes tables(16);
    store_le(tables, append(fixed_description(dsdt)));
    store_le(MutableBytesView(tables).subspan(8), append(interrupt_controllers(machine.cpus)));
    const std::uint64_t xsdt = append(table("XSDT", 1, tables));
    std::ranges::copy(root_pointer(xsdt), out.begin());
    return out;
}

} // namespace msb::engine::kvm
