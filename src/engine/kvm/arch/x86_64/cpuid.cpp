#include "engine/kvm/arch/x86_64/cpuid.hpp"

#include <algorithm>
#include <bit>
#include <initializer_list>

namespace msb::engine::kvm {

namespace {

constexpr std::uint32_t all = 0xffff'ffff;
constexpr std::uint32_t any = 0xffff'ffff; ///< every subleaf

constexpr std::uint32_t bits(std::initializer_list<unsigned> numbers) {
    std::uint32_t mask = 0;
    for (const unsigned number : numbers)
        mask |= std::uint32_t{1} << number;
    return mask;
}
constexpr std::uint32_t all_but(std::initializer_list<unsigned> numbers) {
    return ~bits(numbers);
}

/// Bits that pass.
struct CpuidRule {
    std::uint32_t leaf, subleaf;
    std::uint32_t eax, ebx, ecx, edx;
};

// Names as in Intel SDM volume 2A (CPUID) and AMD APM volume 3, appendix E.
constexpr CpuidRule rules[] = {
    {0x0, any, all, all, all, all}, // vendor
    // SSE3 PCLMULQDQ SSSE3 FMA CX16 PCID SSE4.1 SSE4.2 x2APIC MOVBE POPCNT AES XSAVE OSXSAVE AVX F16C RDRAND.
    // Not: monitoring and debugging of the host, virtualisation, power management.
    {0x1, any, all, all, bits({0, 1, 9, 12, 13, 17, 19, 20, 21, 22, 23, 25, 26, 27, 28, 29, 30}),
     all_but({18, 21, 22, 29, 30, 31})},
    {0x2, any, all, all, all, all}, // caches
    {0x4, any, all, all, all, all},
    {0x6, any, bits({2}), 0, 0, 0}, // the APIC's timer always runs
    // FSGSBASE BMI1 HLE AVX2 FDP_EXCPTN_ONLY SMEP BMI2 ERMS INVPCID RTM no-FPU-CS/DS AVX512* RDSEED ADX SMAP
    // CLFLUSHOPT CLWB SHA; AVX512_VBMI UMIP PKU VBMI2 GFNI VAES VPCLMULQDQ VNNI BITALG VPOPCNTDQ RDPID
    // CLDEMOTE MOVDIRI MOVDIR64B; 4VNNIW 4FMAPS FSRM VP2INTERSECT MD_CLEAR SERIALIZE FP16, and what tells
    // of the host's protection against speculation. Not: SGX, PT, resource control, MPX, AMX, LA57.
    {0x7, 0, all, bits({0,  3,  4,  5,  6,  7,  8,  9,  10, 11, 13, 16, 17,
                        18, 19, 20, 21, 23, 24, 26, 27, 28, 29, 30, 31}),
     bits({1, 2, 3, 6, 8, 9, 10, 11, 12, 14, 22, 25, 27, 28}),
     bits({2, 3, 4, 8, 10, 14, 23, 26, 27, 28, 29, 31})},
    {0x7, 1, bits({4, 5, 10, 11, 12}), 0, 0, 0}, // AVX-VNNI BF16, fast short string operations
    {0x7, 2, 0, 0, 0, bits({0, 1, 2, 3, 4, 5})}, // controls of speculation
    {0xb, any, all, all, all, all},
    // State components: x87, SSE, AVX, AVX-512, PKRU; XSAVEOPT XSAVEC XGETBV1.
    {0xd, 0, bits({0, 1, 2, 5, 6, 7, 9}), all, all, 0},
    {0xd, 1, bits({0, 1, 2}), 0, 0, 0},
    {0xd, 2, all, all, all, 0},
    {0xd, 5, all, all, all, 0},
    {0xd, 6, all, all, all, 0},
    {0xd, 7, all, all, all, 0},
    {0xd, 9, all, all, all, 0},
    {0x15, any, all, all, all, 0}, // frequencies
    {0x16, any, all, all, all, 0},
    {0x4000'0000, any, all, all, all, all}, // "KVMKVMKVM"
    // kvmclock, no delays at I/O ports, time stolen, ends of interrupts without an exit, CPUs that are woken,
    // TLB flushes and interrupts of many CPUs at once, yielding; the clock is stable.
    // Not: page faults told asynchronously, which is KVM writing to a guest at odd times.
    {0x4000'0001, any, bits({0, 1, 3, 5, 6, 7, 9, 11, 13, 24}), 0, 0, bits({0})},
    {0x8000'0000, any, all, all, all, all},
    // LAHF CR8 ABM SSE4A misaligned-SSE PREFETCHW XOP FMA4 TBM; SYSCALL NX MMXEXT FXSR 1G pages RDTSCP LM and what
    // AMD repeats of leaf 1. Not: SVM, IBS, performance counters, topology extensions.
    {0x8000'0001, any, all, all, bits({0, 4, 5, 6, 7, 8, 11, 16, 21}), all},
    {0x8000'0002, any, all, all, all, all}, // the CPU's name
    {0x8000'0003, any, all, all, all, all},
    {0x8000'0004, any, all, all, all, all},
    {0x8000'0005, any, all, all, all, all}, // caches
    {0x8000'0006, any, all, all, all, all},
    {0x8000'0007, any, 0, 0, 0, bits({8})}, // the clock's rate does not change
    // Sizes of addresses; CLZERO XSAVEERPTR WBNOINVD, protection against speculation.
    {0x8000'0008, any, all, bits({0, 2, 9, 12, 14, 15, 17, 24, 25, 26, 28}), 0, 0},
    {0x8000'0021, any, bits({0, 2, 6, 8}), 0, 0, 0}, // LFENCE serialises, NULL selectors, ...
};

const CpuidRule* rule_for(const kvm_cpuid_entry2& entry) {
    const auto found = std::ranges::find_if(rules, [&entry](const CpuidRule& rule) {
        return rule.leaf == entry.function && (rule.subleaf == any || rule.subleaf == entry.index);
    });
    return found == std::end(rules) ? nullptr : found;
}

/// Bits that an id of one of `cpus` takes.
std::uint32_t id_width(unsigned cpus) {
    return static_cast<std::uint32_t>(std::bit_width(cpus - 1));
}

/// Leaf 4: how many CPUs share the cache, and how many cores there are; here each has its own.
void describe_caches(kvm_cpuid_entry2& entry, unsigned cpus) {
    constexpr std::uint32_t level_shift = 5, level_mask = 7, sharing_mask = 0xfff << 14;
    const bool last_level = (entry.eax >> level_shift & level_mask) >= 3;
    entry.eax &= ~(sharing_mask | 0x3fu << 26);
    const std::uint32_t most_ids = (1u << id_width(cpus)) - 1;
    entry.eax |= most_ids << 26 | (last_level ? most_ids << 14 : 0);
}

/// Leaf 0xb: threads (one to a core), then cores (all in one package).
void describe_topology(kvm_cpuid_entry2& entry, const CpuidMachine& machine) {
    constexpr std::uint32_t thread_level = 1 << 8, core_level = 2 << 8;
    entry.eax = entry.index == 1 ? id_width(machine.cpus) : 0;
    entry.ebx = entry.index == 0 ? 1 : entry.index == 1 ? machine.cpus : 0;
    entry.ecx = entry.index | (entry.index == 0 ? thread_level : entry.index == 1 ? core_level : 0);
    entry.edx = machine.cpu;
}

void describe_machine(kvm_cpuid_entry2& entry, const CpuidMachine& machine) {
    constexpr std::uint32_t hypervisor = bits({31}), deadline = bits({24}), many = bits({28});
    switch (entry.function) {
    case 0x1:
        entry.ebx = (entry.ebx & 0xffff) | machine.cpus << 16 | machine.cpu << 24;
        entry.ecx |= hypervisor | (machine.deadline_timer ? deadline : 0);
        entry.edx = machine.cpus > 1 ? entry.edx | many : entry.edx & ~many;
        break;
    case 0x4: describe_caches(entry, machine.cpus); break;
    case 0xb: describe_topology(entry, machine); break;
    case 0x8000'0008: // AMD: number of cores less one, width of their ids
        entry.ecx = (machine.cpus - 1) | id_width(machine.cpus) << 12;
        break;
    default: break;
    }
}

} // namespace

std::vector<kvm_cpuid_entry2> filter_cpuid(std::span<const kvm_cpuid_entry2> offered,
                                           const CpuidMachine& machine) {
    std::vector<kvm_cpuid_entry2> passed;
    for (kvm_cpuid_entry2 entry : offered) {
        const CpuidRule* const rule = rule_for(entry);
        if (rule == nullptr)
            continue;
        entry.eax &= rule->eax;
        entry.ebx &= rule->ebx;
        entry.ecx &= rule->ecx;
        entry.edx &= rule->edx;
        describe_machine(entry, machine);
        passed.push_back(entry);
    }
    return passed;
}

} // namespace msb::engine::kvm
