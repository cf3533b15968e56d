// The CPU that a guest sees: what KVM offers of the host's, cut down by a table.
//
// The table says what passes. A leaf or bit that nobody wrote into it does not, so a CPU or a kernel with a
// new feature does not widen what a guest can do.
#pragma once

#include <cstdint>
#include <linux/kvm.h>
#include <span>
#include <vector>

namespace msb::engine::kvm {

struct CpuidMachine {
    unsigned cpu = 0;            ///< whose view it is
    unsigned cpus = 1;           ///< of the machine
    bool deadline_timer = false; ///< KVM_CAP_TSC_DEADLINE_TIMER
};

/// `offered`: from KVM_GET_SUPPORTED_CPUID.
std::vector<kvm_cpuid_entry2> filter_cpuid(std::span<const kvm_cpuid_entry2> offered,
                                           const CpuidMachine& machine);

} // namespace msb::engine::kvm
