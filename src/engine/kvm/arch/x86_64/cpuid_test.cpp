#include "engine/kvm/arch/x86_64/cpuid.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace msb::engine::kvm {
namespace {

constexpr std::uint32_t all = 0xffff'ffff;

const kvm_cpuid_entry2* find(const std::vector<kvm_cpuid_entry2>& entries, std::uint32_t leaf,
                             std::uint32_t subleaf = 0) {
    const auto found = std::ranges::find_if(entries, [=](const kvm_cpuid_entry2& entry) {
        return entry.function == leaf && entry.index == subleaf;
    });
    return found == entries.end() ? nullptr : &*found;
}

/// A CPU that has everything.
std::vector<kvm_cpuid_entry2> everything() {
    std::vector<kvm_cpuid_entry2> entries;
    for (const std::uint32_t base : {0u, 0x4000'0000u, 0x8000'0000u})
        for (std::uint32_t leaf = 0; leaf < 0x30; ++leaf)
            for (std::uint32_t subleaf = 0; subleaf < 20; ++subleaf)
                entries.push_back({.function = base + leaf,
                                   .index = subleaf,
                                   .eax = all,
                                   .ebx = all,
                                   .ecx = all,
                                   .edx = all});
    return entries;
}

TEST(Cpuid, NothingPassesThatIsNotInTheTable) {
    const auto passed = filter_cpuid(everything(), {});
    for (const std::uint32_t leaf : {0x5u, 0x9u, 0xau, 0xfu, 0x10u, 0x12u, 0x14u, 0x1du, 0x2fu,
                                     0x4000'0010u, 0x8000'000au, 0x8000'001du, 0x8000'001fu})
        EXPECT_EQ(find(passed, leaf), nullptr) << std::hex << leaf;
    EXPECT_EQ(find(passed, 0xd, 17), nullptr); // tiles of AMX
}

TEST(Cpuid, NoVirtualisationAndNoMonitoringInTheGuest) {
    const auto passed = filter_cpuid(everything(), {});
    const auto* const features = find(passed, 1);
    ASSERT_NE(features, nullptr);
    for (const unsigned bit : {2u, 3u, 4u, 5u, 6u, 15u, 18u})
        EXPECT_EQ(features->ecx >> bit & 1, 0u) << bit;
    EXPECT_EQ(find(passed, 0x8000'0001)->ecx >> 2 & 1, 0u);     // SVM
    EXPECT_EQ(find(passed, 7)->ebx & (1u << 2 | 1u << 25), 0u); // SGX, processor trace
    EXPECT_EQ(find(passed, 7)->ecx & 1u << 16, 0u);             // five levels of page tables
    EXPECT_EQ(find(passed, 0x4000'0001)->eax & (1u << 4 | 1u << 14), 0u); // asynchronous faults
    EXPECT_EQ(find(passed, 0xd)->eax & 3u << 17, 0u);
}

TEST(Cpuid, TellsOfTheMachine) {
    const auto passed = filter_cpuid(everything(), {.cpu = 2, .cpus = 3, .deadline_timer = true});
    const auto* const features = find(passed, 1);
    EXPECT_EQ(features->ebx >> 24, 2u);
    EXPECT_EQ(features->ebx >> 16 & 0xff, 3u);
    EXPECT_NE(features->ecx & 1u << 31, 0u); // a hypervisor is present
    EXPECT_NE(features->ecx & 1u << 24, 0u);
    EXPECT_NE(features->ecx & 1u << 21, 0u); // x2APIC
    EXPECT_EQ(find(passed, 0xb, 0)->ebx, 1u);
    EXPECT_EQ(find(passed, 0xb, 1)->eax, 2u);
    EXPECT_EQ(find(passed, 0xb, 1)->ebx, 3u);
    EXPECT_EQ(find(passed, 0xb, 1)->edx, 2u);
    const auto alone = filter_cpuid(everything(), {});
    EXPECT_EQ(find(alone, 1)->ecx & 1u << 24, 0u);
    EXPECT_EQ(find(alone, 1)->edx & 1u << 28, 0u);
    EXPECT_EQ(find(alone, 4)->eax >> 14, 0u); // no cache is shared, one core
}

} // namespace
} // namespace msb::engine::kvm
