#include "agent/boot/cpuinfo.hpp"

#include "base/bytes.hpp"
#include "base/system.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <string_view>
#include <sys/mount.h>
#include <sys/stat.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace msb::agent {

#if defined(__x86_64__)

namespace {

struct Registers {
    std::uint32_t a = 0, b = 0, c = 0, d = 0;
};

/// The processor's CPUID answers. Each question may trap into a hypervisor below the host, so none
/// is asked twice.
struct Answers {
    Registers vendor, version, features, more_features, xsave, extended, address;
    std::uint32_t cache_kib = 0, power = 0, mhz = 0;
    std::array<char, 49> name{};
};

Registers ask(std::uint32_t leaf, std::uint32_t part = 0) {
    Registers r;
    __cpuid_count(leaf, part, r.a, r.b, r.c, r.d);
    return r;
}

Answers ask_processor() {
    Answers answers;
    answers.vendor = ask(0);
    answers.version = ask(1);
    if (answers.vendor.a >= 7) {
        answers.features = ask(7);
        if (answers.features.a >= 1)
            answers.more_features = ask(7, 1);
    }
    if (answers.vendor.a >= 0xd)
        answers.xsave = ask(0xd, 1);
    if (answers.vendor.a >= 0x16)
        answers.mhz = ask(0x16).a & 0xffff;
    const std::uint32_t last = ask(0x8000'0000).a;
    if (last >= 0x8000'0001)
        answers.extended = ask(0x8000'0001);
    for (std::uint32_t i = 0; i < 3 && last >= 0x8000'0004; ++i) {
        const Registers part = ask(0x8000'0002 + i);
        std::memcpy(answers.name.data() + i * sizeof(part), &part, sizeof(part));
    }
    if (last >= 0x8000'0006)
        answers.cache_kib = ask(0x8000'0006).c >> 16;
    if (last >= 0x8000'0007)
        answers.power = ask(0x8000'0007).d;
    if (last >= 0x8000'0008)
        answers.address = ask(0x8000'0008);
    return answers;
}

// The names that the kernel of a machine gives the bits of a register, from bit 0 on; '-' stands
// for a bit without a name, or for a feature that needs the kernel's support and does not have it
// here (protection keys, shadow stacks).
constexpr std::string_view version_d = "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca "
                                       "cmov pat pse36 pn clflush - dts acpi "
                                       "mmx fxsr sse sse2 ss ht tm ia64 pbe";
constexpr std::string_view version_c =
    "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid "
    "dca "
    "sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor";
constexpr std::string_view features_b =
    "fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f "
    "avx512dq rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd "
    "sha_ni "
    "avx512bw avx512vl";
constexpr std::string_view features_c =
    "- avx512vbmi umip - - waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni avx512_bitalg - "
    "avx512_vpopcntdq - - - - - - - rdpid - - cldemote - movdiri movdir64b";
constexpr std::string_view features_d =
    "- - avx512_4vnniw avx512_4fmaps fsrm - - - avx512_vp2intersect - md_clear - - - serialize - "
    "tsxldtrk - - - - - amx_bf16 avx512_fp16 amx_tile amx_int8";
constexpr std::string_view more_features_a = "- - - - avx_vnni avx512_bf16 - cmpccxadd - - fzrm "
                                             "fsrs fsrc - - - - - - - - amx_fp16 - avx_ifma";
constexpr std::string_view xsave_a = "xsaveopt xsavec xgetbv1 xsaves";
constexpr std::string_view extended_d =
    "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - lm "
    "3dnowext 3dnow";
constexpr std::string_view extended_c =
    "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop "
    "skinit "
    "wdt - lwp fma4 tce - nodeid_msr - tbm topoext - - - - - - mwaitx";
constexpr std::string_view power_d = "- - - - - - - - constant_tsc";
constexpr std::string_view address_b = "clzero irperf xsaveerptr - rdpru - - - - wbnoinvd";

void append_flags(std::string& text, std::uint32_t bits, std::string_view names) {
    for (; !names.empty(); bits >>= 1) {
        const std::string_view name = names.substr(0, names.find(' '));
        names.remove_prefix(std::min(name.size() + 1, names.size()));
        if ((bits & 1) != 0 && name != "-")
            text.append(" ").append(name);
    }
}

void append_line(std::string& text, std::string_view name, std::string_view value) {
    text.append(name).append(": ").append(value).append("\n");
}

void append_line(std::string& text, std::string_view name, std::uint32_t value) {
    append_line(text, name, std::to_string(value));
}

/// Intel SDM and AMD APM, CPUID function 1: the extended parts count for the families that need
/// them.
void append_version(std::string& text, std::uint32_t version) {
    const std::uint32_t base = version >> 8 & 0xf;
    const std::uint32_t family = base == 0xf ? base + (version >> 20 & 0xff) : base;
    const std::uint32_t model =
        (version >> 4 & 0xf) | (family >= 6 ? (version >> 16 & 0xf) << 4 : 0);
    append_line(text, "cpu family\t", family);
    append_line(text, "model\t\t", model);
}

void append_flags(std::string& text, const Answers& cpu) {
    text += "flags\t\t:";
    append_flags(text, cpu.version.d, version_d);
    append_flags(text, cpu.extended.d, extended_d);
    append_flags(text, cpu.power, power_d);
    append_flags(text, cpu.version.c, version_c);
    append_flags(text, cpu.extended.c, extended_c);
    append_flags(text, cpu.features.b, features_b);
    append_flags(text, cpu.xsave.a, xsave_a);
    append_flags(text, cpu.more_features.a, more_features_a);
    append_flags(text, cpu.address.b, address_b);
    append_flags(text, cpu.features.c, features_c);
    append_flags(text, cpu.features.d, features_d);
    text += "\n";
}

std::string describe(const Answers& cpu, int count, int number) {
    std::string text;
    std::array<char, 12> vendor; // in this order of registers
    std::memcpy(vendor.data(), &cpu.vendor.b, 4);
    std::memcpy(vendor.data() + 4, &cpu.vendor.d, 4);
    std::memcpy(vendor.data() + 8, &cpu.vendor.c, 4);
    std::string_view name = cpu.name.data();
    name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
    append_line(text, "processor\t", static_cast<std::uint32_t>(number));
    append_line(text, "vendor_id\t", {vendor.data(), vendor.size()});
    append_version(text, cpu.version.a);
    append_line(text, "model name\t", name.substr(0, name.find_last_not_of(' ') + 1));
    append_line(text, "stepping\t", cpu.version.a & 0xf);
    if (cpu.mhz != 0)
        append_line(text, "cpu MHz\t\t", std::to_string(cpu.mhz) + ".000");
    if (cpu.cache_kib != 0)
        append_line(text, "cache size\t", std::to_string(cpu.cache_kib) + " KB");
    append_line(text, "physical id\t", 0U);
    append_line(text, "siblings\t", static_cast<std::uint32_t>(count));
    append_line(text, "core id\t\t", static_cast<std::uint32_t>(number));
    append_line(text, "cpu cores\t", static_cast<std::uint32_t>(count));
    append_line(text, "apicid\t\t", static_cast<std::uint32_t>(number));
    append_line(text, "initial apicid\t", static_cast<std::uint32_t>(number));
    append_line(text, "fpu\t\t", "yes");
    append_line(text, "fpu_exception\t", "yes");
    append_line(text, "cpuid level\t", cpu.vendor.a);
    append_line(text, "wp\t\t", "yes");
    append_flags(text, cpu);
    const std::uint32_t line_size = (cpu.version.b >> 8 & 0xff) * 8;
    append_line(text, "clflush size\t", line_size);
    append_line(text, "cache_alignment\t", line_size);
    if ((cpu.address.a & 0xff) != 0)
        append_line(text, "address sizes\t",
                    std::to_string(cpu.address.a & 0xff) + " bits physical, " +
                        std::to_string(cpu.address.a >> 8 & 0xff) + " bits virtual");
    return text + "\n";
}

} // namespace

std::string describe_processors(int count) {
    const Answers cpu = ask_processor();
    std::string text;
    for (int number = 0; number < count; ++number)
        text += describe(cpu, count, number);
    return text;
}

#else

std::string describe_processors(int) {
    return {};
}

#endif

void show_processors(int own_directory) {
    cpu_set_t processors;
    if (::sched_getaffinity(0, sizeof(processors), &processors) == -1)
        return;
    const std::string text = describe_processors(CPU_COUNT(&processors));
    if (text.empty())
        return;
    // A user's namespace may mount /proc only where it can see one that nothing covers.
    if (::mkdir("/.msb/proc", 0700) == -1 ||
        ::mount("/proc", "/.msb/proc", nullptr, MS_BIND, nullptr) == -1)
        return;
    const auto file = sys::open_at(own_directory, "cpuinfo", O_WRONLY | O_CREAT | O_EXCL, 0444);
    if (file && sys::write_all(file->get(), as_bytes(text)))
        (void)::mount("/.msb/cpuinfo", "/proc/cpuinfo", nullptr, MS_BIND, nullptr);
}

} // namespace msb::agent
