// What a guest is told of its machine: ACPI tables of the hardware-reduced kind (ACPI 6.4 §4.1), so there are
// no PC's timers, no PCI and no system management, and power-off and reset are one port each.
#pragma once

#include "base/bytes.hpp"

namespace msb::engine::kvm {

struct AcpiMachine {
    unsigned cpus = 1;
    unsigned devices = 0; ///< virtio devices, at layout::devices
};

/// All tables, for the address layout::acpi; the root pointer is first. At most layout::acpi_size.
Bytes make_acpi_tables(const AcpiMachine& machine);

} // namespace msb::engine::kvm
