#include "engine/kvm/machine.hpp"

#include "base/system.hpp"
#include "engine/kvm/arch/x86_64/acpi.hpp"
#include "engine/kvm/arch/x86_64/boot.hpp"
#include "engine/kvm/arch/x86_64/layout.hpp"
#include "jail/jail.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <latch>
#include <sys/epoll.h>
#include <thread>

namespace msb::engine::kvm {

Result<std::unique_ptr<MachineRunner>> MachineRunner::create(const Options& options, OwnedFd device,
                                                             int console) {
    if (options.devices.size() > layout::most_devices || options.cpus == 0 ||
        options.cpus > layout::most_cpus)
        return invalid("too many devices, or no or too many CPUs");
    std::unique_ptr<MachineRunner> machine(
        new MachineRunner(MSB_TRY(Memory::create(options.memory_bytes))));
    machine->loop_ = MSB_TRY(EventLoop::create());
    machine->vm_ = MSB_TRY(Vm::create(std::move(device), machine->memory_));
    std::vector<Device> devices;
    devices.reserve(options.devices.size());
    for (const DeviceSocket& socket : options.devices)
        devices.push_back(
            MSB_TRY_WRAP(machine->make_device(socket, static_cast<unsigned>(devices.size())),
                         fmt::format("device {} (virtio {})", devices.size(), socket.virtio_id)));
    machine->bus_.emplace(std::move(devices),
                          MSB_TRY(machine->vm_->make_interrupt(layout::serial_interrupt)), console);
    for (const Device& each : machine->bus_->devices())
        MSB_TRY(machine->watch(each));
    for (unsigned i = 0; i < options.cpus; ++i)
        machine->cpus_.push_back(MSB_TRY(machine->vm_->make_cpu(i, options.cpus)));
    MSB_TRY(machine->load(options));
    return machine;
}

Status MachineRunner::load(const Options& options) {
    const MappedFile kernel = MSB_TRY(MappedFile::open(options.kernel));
    const MappedFile initramfs = MSB_TRY(MappedFile::open(options.initramfs));
    const MutableBytesView ram = memory_.low();
    const std::uint64_t entry = MSB_TRY(load_kernel(
        {kernel.bytes(), initramfs.bytes(), options.command_line}, ram, memory_.size()));
    std::ranges::copy(
        make_acpi_tables({options.cpus, static_cast<unsigned>(options.devices.size())}),
        ram.begin() + layout::acpi);
    write_start_tables(ram);
    return cpus_[0].set_entry(entry);
}

Result<Device> MachineRunner::make_device(const DeviceSocket& socket, unsigned index) const {
    Device device;
    device.frontend = MSB_TRY(virtio::Frontend::create(MSB_TRY(sys::unix_connect(socket.path)),
                                                       memory_.fd(), memory_.ranges()));
    device.registers =
        std::make_unique<MmioDevice>(socket.virtio_id, *device.frontend, memory_.ranges());
    MSB_TRY(device.registers->prepare());
    device.interrupt = MSB_TRY(vm_->make_interrupt(layout::first_device_interrupt + index));
    const std::uint64_t notify =
        layout::devices + index * layout::device_size + MmioDevice::notify_offset;
    for (std::uint16_t queue = 0; queue < device.frontend->queue_count(); ++queue)
        MSB_TRY(vm_->connect_write(notify, queue, device.frontend->kick(queue)));
    return device;
}

Status MachineRunner::watch(const Device& device) {
    const auto lost = [this](const Error& error) {
        bus_->end(End::device_lost, error.to_string());
    };
    MSB_TRY(loop_->watch(device.frontend->connection(), 0, [lost](std::uint32_t) {
        lost(Error(ErrorKind::unreachable, "its process has ended"));
    }));
    MSB_TRY(loop_->watch(device.frontend->interrupts(), EPOLLIN, [&device](std::uint32_t) {
        device.frontend->take_interrupts();
        device.registers->note_used_buffers();
        raise(device.interrupt);
    }));
    if (device.frontend->notices() < 0)
        return {};
    return loop_->watch(device.frontend->notices(), EPOLLIN, [&device, lost](std::uint32_t) {
        const auto changed = device.frontend->take_notice();
        if (!changed)
            lost(changed.error());
        if (!*changed)
            return;
        if (const Status noted = device.registers->note_config_change(); !noted)
            lost(noted.error());
        raise(device.interrupt);
    });
}

Status MachineRunner::run() {
    // No instruction of the guest before every thread is confined.
    std::latch confined(static_cast<std::ptrdiff_t>(cpus_.size()) + 1);
    const auto narrow = [this, &confined](jail::KvmThread thread) {
        if (const Status narrowed = jail::narrow(thread); !narrowed)
            bus_->end(End::not_started, narrowed.error().to_string());
        confined.arrive_and_wait();
    };
    for (const Cpu& cpu : cpus_)
        std::thread([this, &narrow, &cpu] {
            narrow(jail::KvmThread::cpu);
            run_cpu(cpu);
        }).detach();
    narrow(jail::KvmThread::main);
    return loop_->run();
}

void MachineRunner::run_cpu(const Cpu& cpu) {
    for (;;) {
        const auto stopped = cpu.run();
        if (!stopped)
            bus_->end(End::not_runnable, stopped.error().to_string());
        if (*stopped)
            answer(cpu);
    }
}

void MachineRunner::answer(const Cpu& cpu) {
    kvm_run& exit = cpu.exit();
    switch (exit.exit_reason) {
    case KVM_EXIT_IO: {
        // A string instruction is several accesses of the same port.
        const MutableBytesView data = cpu.port_data();
        for (std::size_t at = 0; at < data.size(); at += exit.io.size) {
            if (exit.io.direction == KVM_EXIT_IO_OUT)
                bus_->write_port(exit.io.port, data.subspan(at, exit.io.size));
            else
                bus_->read_port(exit.io.port, data.subspan(at, exit.io.size));
        }
        return;
    }
    case KVM_EXIT_MMIO: {
        const MutableBytesView data(exit.mmio.data, std::min<std::size_t>(exit.mmio.len, 8));
        if (exit.mmio.is_write != 0)
            bus_->write_memory(exit.mmio.phys_addr, data);
        else
            bus_->read_memory(exit.mmio.phys_addr, data);
        return;
    }
    case KVM_EXIT_INTR: return;
    case KVM_EXIT_SHUTDOWN: bus_->end(End::triple_fault);
    case KVM_EXIT_FAIL_ENTRY:
        bus_->end(End::not_runnable, fmt::format("entry failed, reason {:#x}",
                                                 exit.fail_entry.hardware_entry_failure_reason));
    case KVM_EXIT_INTERNAL_ERROR:
        bus_->end(End::not_runnable, fmt::format("internal error {}", exit.internal.suberror));
    default: bus_->end(End::not_runnable, fmt::format("exit {}", exit.exit_reason));
    }
}

} // namespace msb::engine::kvm
