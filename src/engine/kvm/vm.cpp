#include "engine/kvm/vm.hpp"

#include "base/system.hpp"
#include "engine/kvm/arch/x86_64/boot.hpp"
#include "engine/kvm/arch/x86_64/cpuid.hpp"
#include "engine/kvm/arch/x86_64/layout.hpp"
#include "jail/kvm_requests.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/core.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <vector>

namespace msb::engine::kvm {

namespace {

/// `name` is the request's, for errors.
template <typename Argument>
Result<int> request(const OwnedFd& fd, unsigned long number, Argument argument, const char* name) {
    const int result = ::ioctl(fd.get(), number, argument);
    if (result == -1)
        return fail_errno("ioctl", name);
    return result;
}

/// A structure that ends in an array of as many entries as it says.
template <typename Entry> class KvmList {
  public:
    explicit KvmList(std::size_t count) : bytes_(sizeof(KvmListHead) + count * sizeof(Entry)) {
        head().count = static_cast<std::uint32_t>(count);
    }
    explicit KvmList(std::span<const Entry> entries) : KvmList(entries.size()) {
        std::memcpy(this->entries(), entries.data(), entries.size_bytes());
    }
    KvmListHead& head() { return *reinterpret_cast<KvmListHead*>(bytes_.data()); }
    Entry* entries() { return reinterpret_cast<Entry*>(bytes_.data() + sizeof(KvmListHead)); }

  private:
    std::vector<std::uint8_t> bytes_;
};

Result<std::vector<kvm_cpuid_entry2>> offered_features(const OwnedFd& device) {
    KvmList<kvm_cpuid_entry2> list(256); // the most that KVM has
    MSB_TRY(request(device, kvm_get_supported_cpuid, &list.head(), "KVM_GET_SUPPORTED_CPUID"));
    return std::vector(list.entries(), list.entries() + list.head().count);
}

Status set_features(const OwnedFd& cpu, std::span<const kvm_cpuid_entry2> features) {
    KvmList<kvm_cpuid_entry2> list(features);
    MSB_TRY(request(cpu, kvm_set_cpuid2, &list.head(), "KVM_SET_CPUID2"));
    return {};
}

/// All memory is cached as usual, as firmware would say; and string instructions are fast.
Status set_model_registers(const OwnedFd& cpu) {
    constexpr std::uint32_t memory_types = 0x2ff, misc_enable = 0x1a0;
    constexpr std::uint64_t enabled = 1 << 11, write_back = 6, fast_strings = 1;
    const kvm_msr_entry values[] = {{memory_types, 0, enabled | write_back},
                                    {misc_enable, 0, fast_strings}};
    KvmList<kvm_msr_entry> list(values);
    MSB_TRY(request(cpu, kvm_set_msrs, &list.head(), "KVM_SET_MSRS"));
    return {};
}

} // namespace

Result<Vm> Vm::create(OwnedFd device, const Memory& memory) {
    Vm vm;
    vm.device_ = std::move(device);
    const int version = MSB_TRY(request(vm.device_, KVM_GET_API_VERSION, 0, "KVM_GET_API_VERSION"));
    if (version != KVM_API_VERSION)
        return fail(ErrorKind::unsupported, fmt::format("KVM speaks version {}", version));
    vm.machine_ = OwnedFd(MSB_TRY(request(vm.device_, KVM_CREATE_VM, 0, "KVM_CREATE_VM")));
    // These two before any CPU; AMD's need neither.
    std::uint64_t identity_map = layout::identity_map;
    MSB_TRY(request(vm.machine_, KVM_SET_IDENTITY_MAP_ADDR, &identity_map,
                    "KVM_SET_IDENTITY_MAP_ADDR"));
    MSB_TRY(request(vm.machine_, KVM_SET_TSS_ADDR, layout::task_state, "KVM_SET_TSS_ADDR"));
    MSB_TRY(request(vm.machine_, KVM_CREATE_IRQCHIP, 0, "KVM_CREATE_IRQCHIP"));
    MSB_TRY(vm.add_memory(memory));
    return vm;
}

Status Vm::add_memory(const Memory& memory) const {
    std::uint32_t slot = 0;
    for (const virtio::RamRange& range : memory.ranges()) {
        const kvm_userspace_memory_region region{
            .slot = slot++,
            .flags = 0,
            .guest_phys_addr = range.guest_address,
            .memory_size = range.size,
            .userspace_addr = reinterpret_cast<std::uint64_t>(memory.at(range))};
        MSB_TRY(
            request(machine_, KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION"));
    }
    return {};
}

Result<OwnedFd> Vm::make_interrupt(unsigned input) const {
    OwnedFd event = MSB_TRY(sys::event_fd());
    kvm_irqfd connection{};
    connection.fd = static_cast<std::uint32_t>(event.get());
    connection.gsi = input;
    MSB_TRY(request(machine_, KVM_IRQFD, &connection, "KVM_IRQFD"));
    return event;
}

Status Vm::connect_write(std::uint64_t address, std::uint32_t value, int event) const {
    kvm_ioeventfd connection{};
    connection.addr = address;
    connection.len = sizeof(value);
    connection.datamatch = value;
    connection.fd = event;
    connection.flags = KVM_IOEVENTFD_FLAG_DATAMATCH;
    MSB_TRY(request(machine_, KVM_IOEVENTFD, &connection, "KVM_IOEVENTFD"));
    return {};
}

Result<Cpu> Vm::make_cpu(unsigned index, unsigned count) const {
    Cpu cpu;
    cpu.fd_ = OwnedFd(MSB_TRY(request(machine_, KVM_CREATE_VCPU, index, "KVM_CREATE_VCPU")));
    const int timer = MSB_TRY(
        request(device_, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER, "KVM_CHECK_EXTENSION"));
    MSB_TRY(set_features(
        cpu.fd_, filter_cpuid(MSB_TRY(offered_features(device_)), {index, count, timer > 0})));
    MSB_TRY(set_model_registers(cpu.fd_));
    cpu.state_size_ = static_cast<std::size_t>(
        MSB_TRY(request(device_, KVM_GET_VCPU_MMAP_SIZE, 0, "KVM_GET_VCPU_MMAP_SIZE")));
    void* const state =
        ::mmap(nullptr, cpu.state_size_, PROT_READ | PROT_WRITE, MAP_SHARED, cpu.fd_.get(), 0);
    if (state == MAP_FAILED)
        return fail_errno("mmap", "a CPU's state");
    cpu.state_ = static_cast<kvm_run*>(state);
    return cpu;
}

Status Cpu::set_entry(std::uint64_t entry) const {
    kvm_regs general;
    kvm_sregs system;
    MSB_TRY(request(fd_, KVM_GET_SREGS, &system, "KVM_GET_SREGS"));
    set_start_registers(entry, general, system);
    MSB_TRY(request(fd_, KVM_SET_SREGS, &system, "KVM_SET_SREGS"));
    MSB_TRY(request(fd_, KVM_SET_REGS, &general, "KVM_SET_REGS"));
    return {};
}

Result<bool> Cpu::run() const {
    if (::ioctl(fd_.get(), KVM_RUN, 0) == 0)
        return true;
    if (errno == EINTR || errno == EAGAIN)
        return false;
    return fail_errno("ioctl", "KVM_RUN");
}

MutableBytesView Cpu::port_data() const {
    const auto& io = state_->io;
    const std::size_t size = std::size_t{io.size} * io.count;
    return {reinterpret_cast<std::uint8_t*>(state_) + io.data_offset, size};
}

} // namespace msb::engine::kvm
