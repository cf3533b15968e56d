// A small guest in 64-bit mode, on page tables of its own. It reloads CR3, counts to two million,
// adds vectors, adds up two numbers through memory, writes the sum to an I/O port, and halts; the
// probe expects exactly the exits for the last two, soon. Each part fails on some host that has
// /dev/kvm and creates machines: where only kernels made for the host run, an ordinary guest is
// interpreted (the count takes seconds, the vectors are not known) or shut down.
//
// Guest memory (physical = virtual, 2 MiB pages):
//   0x1000 PML4 -> 0x2000 PDPT -> 0x3000 PD -> 2 MiB page at 0     0x4000 code     0x5000 data
#include "base/process.hpp"
#include "base/system.hpp"
#include "engine/probe.hpp"

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/kvm.h>
#include <poll.h>
#include <span>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace msb::engine {

namespace {

constexpr std::size_t memory_size = 0x6000;
constexpr std::uint64_t pml4 = 0x1000, pdpt = 0x2000, pd = 0x3000, code_at = 0x4000;
constexpr std::uint16_t port = 0x3f8;
constexpr std::uint8_t sum = 40 + 2;
constexpr std::chrono::milliseconds deadlines[] = {std::chrono::milliseconds(200),
                                                   std::chrono::milliseconds(1000)};

// clang-format off
constexpr std::uint8_t code[] = {
    0x0f, 0x20, 0xd8,                               // mov rax, cr3
    0x0f, 0x22, 0xd8,                               // mov cr3, rax
    0xb9, 0x80, 0x84, 0x1e, 0x00,                   // mov ecx, 2000000
    0xff, 0xc9,                                     // dec ecx
    0x75, 0xfc,                                     // jnz the line above
    0x66, 0x0f, 0xef, 0xc0,                         // pxor xmm0, xmm0
    0x66, 0x0f, 0xfe, 0xc0,                         // paddd xmm0, xmm0
    0xc6, 0x04, 0x25, 0x00, 0x50, 0x00, 0x00, 0x28, // mov byte [0x5000], 40
    0xb0, 0x02,                                     // mov al, 2
    0x02, 0x04, 0x25, 0x00, 0x50, 0x00, 0x00,       // add al, [0x5000]
    0x66, 0xba, 0xf8, 0x03,                         // mov dx, 0x3f8
    0xee,                                           // out dx, al
    0xf4,                                           // hlt
};
// clang-format on

/// Entries of the architecture: Intel SDM volume 3A, 4.5 (paging) and 3.4.5 (descriptors).
constexpr std::uint64_t present_writable = 3, large_page = 1 << 7;
constexpr std::uint64_t cr0_protected = 1, cr0_numeric_error = 1 << 5, cr0_paging = 1ULL << 31;
constexpr std::uint64_t cr4_physical_address_extension = 1 << 5, cr4_vectors = 3 << 9;
constexpr std::uint64_t efer_long_mode_enable = 1 << 8, efer_long_mode_active = 1 << 10;

// The outcomes, as exit codes of the process that runs the guest.
enum Outcome : int { runs = 0, no_device, no_access, no_machine, no_memory, shut_down, odd_exit };

void fill_memory(std::uint8_t* memory) {
    const auto put = [memory](std::uint64_t address, std::uint64_t entry) {
        std::memcpy(memory + address, &entry, sizeof(entry));
    };
    put(pml4, pdpt | present_writable);
    put(pdpt, pd | present_writable);
    put(pd, 0 | present_writable | large_page);
    std::memcpy(memory + code_at, code, sizeof(code));
}

bool set_long_mode(int vcpu) {
    kvm_sregs system{};
    if (::ioctl(vcpu, KVM_GET_SREGS, &system) == -1)
        return false;
    system.cr3 = pml4;
    system.cr4 = cr4_physical_address_extension | cr4_vectors;
    system.cr0 = cr0_protected | cr0_numeric_error | cr0_paging;
    system.efer = efer_long_mode_enable | efer_long_mode_active;
    kvm_segment segment{};
    segment.limit = 0xffff'ffff;
    segment.present = segment.s = segment.g = 1;
    segment.selector = 1 << 3;
    segment.type = 11; // code, execute and read, accessed
    segment.l = 1;     // 64-bit
    system.cs = segment;
    segment.selector = 2 << 3;
    segment.type = 3; // data, read and write, accessed
    segment.l = 0;
    segment.db = 1;
    system.ds = system.es = system.fs = system.gs = system.ss = segment;
    kvm_regs general{};
    general.rip = code_at;
    general.rflags = 2; // the bit that is always set
    return ::ioctl(vcpu, KVM_SET_SREGS, &system) == 0 && ::ioctl(vcpu, KVM_SET_REGS, &general) == 0;
}

int odd(const kvm_run& state) {
    return state.exit_reason == KVM_EXIT_SHUTDOWN ? shut_down : odd_exit;
}

int run_guest(int vcpu, const kvm_run& state) {
    if (::ioctl(vcpu, KVM_RUN, 0) == -1)
        return odd_exit;
    const auto* written = reinterpret_cast<const std::uint8_t*>(&state) + state.io.data_offset;
    if (state.exit_reason != KVM_EXIT_IO || state.io.direction != KVM_EXIT_IO_OUT ||
        state.io.port != port || *written != sum)
        return odd(state);
    if (::ioctl(vcpu, KVM_RUN, 0) == -1)
        return odd_exit;
    return state.exit_reason == KVM_EXIT_HLT ? runs : odd(state);
}

/// In a process of its own, which may never return from KVM_RUN. Frees nothing: it ends.
int try_guest() {
    const int kvm = ::open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm == -1)
        return errno == EACCES || errno == EPERM ? no_access : no_device;
    const int machine = ::ioctl(kvm, KVM_CREATE_VM, 0);
    if (::ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION || machine == -1)
        return no_machine;
    auto* memory = static_cast<std::uint8_t*>(
        ::mmap(nullptr, memory_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    if (memory == MAP_FAILED)
        return no_memory;
    fill_memory(memory);
    kvm_userspace_memory_region region{};
    region.memory_size = memory_size;
    region.userspace_addr = reinterpret_cast<std::uint64_t>(memory);
    if (::ioctl(machine, KVM_SET_USER_MEMORY_REGION, &region) == -1)
        return no_memory;
    const int vcpu = ::ioctl(machine, KVM_CREATE_VCPU, 0);
    const int state_size = ::ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (vcpu == -1 || state_size < static_cast<int>(sizeof(kvm_run)))
        return no_machine;
    const void* state = ::mmap(nullptr, static_cast<std::size_t>(state_size),
                               PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (state == MAP_FAILED || !set_long_mode(vcpu))
        return no_machine;
    return run_guest(vcpu, *static_cast<const kvm_run*>(state));
}

constexpr const char* enable_hint =
    "on a physical machine enable virtualisation (VT-x, AMD-V) in the firmware and load kvm_intel "
    "or "
    "kvm_amd; in a virtual machine or container ask for nested virtualisation and /dev/kvm";

KvmProbe explain(int outcome) {
    switch (outcome) {
    case runs: return {true, "a 64-bit guest runs", ""};
    case no_device:
        return {false, "/dev/kvm cannot be opened: there is no such device", enable_hint};
    case no_access:
        return {false, "/dev/kvm may not be opened by this user",
                "sudo usermod -aG kvm \"$USER\", then log in again"};
    case no_machine:
    case no_memory:
        return {false, "/dev/kvm is there, but no virtual machine can be made", enable_hint};
    case shut_down:
        return {
            false,
            "/dev/kvm is there, but a small 64-bit guest crashes at once (this "
            "host runs only guest kernels made for it)",
            "use a host with hardware virtualisation, or one that offers nested virtualisation"};
    default:
        return {
            false, "/dev/kvm is there, but a small 64-bit guest does not run correctly",
            "use a host with hardware virtualisation, or one that offers nested virtualisation"};
    }
}

/// Nothing if the guest has not ended by then.
std::optional<KvmProbe> probe_within(std::chrono::milliseconds time) {
    const pid_t pid = ::fork();
    if (pid == -1)
        return KvmProbe{false, "fork failed", ""};
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::_exit(try_guest());
    }
    auto pidfd = open_pidfd(pid);
    if (!pidfd)
        return KvmProbe{false, pidfd.error().to_string(), ""};
    Child child(pid, std::move(*pidfd));
    auto status = child.wait(time);
    if (status && !*status) {
        (void)child.signal(SIGKILL);
        (void)child.wait(std::chrono::milliseconds(100));
        return std::nullopt;
    }
    return explain(status ? shell_exit_code(**status) : -1);
}

} // namespace

KvmProbe probe_kvm() {
    // What is found is remembered until the next boot, so a host that is busy for a moment gets a second chance.
    for (const auto time : deadlines)
        if (const auto probe = probe_within(time))
            return *probe;
    return {false, "/dev/kvm is there, but a small 64-bit guest does not end within a second",
            "use a host with hardware virtualisation, or one that offers nested virtualisation"};
}

} // namespace msb::engine
