// Requests to KVM that <linux/kvm.h> gets wrong for C++: a structure there that ends in an array of any length is
// four bytes longer than in C, and the number of a request contains the size.
#pragma once

#include <cstdint>
#include <linux/kvm.h>

namespace msb {

/// kvm_cpuid2 and kvm_msrs without their entries.
struct KvmListHead {
    std::uint32_t count = 0;
    std::uint32_t padding = 0;
};

inline constexpr unsigned long kvm_get_supported_cpuid = _IOWR(KVMIO, 0x05, KvmListHead);
inline constexpr unsigned long kvm_set_cpuid2 = _IOW(KVMIO, 0x90, KvmListHead);
inline constexpr unsigned long kvm_set_msrs = _IOW(KVMIO, 0x89, KvmListHead);

} // namespace msb
