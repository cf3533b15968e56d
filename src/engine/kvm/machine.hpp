// The whole machine: made, confined, and run until it ends.
//
// A thread for each CPU runs the guest's code and answers what leaves it (bus.hpp). The main thread carries what comes
// from the devices: an interrupt is a byte in a socket, and becomes the raising of an irqfd; a change of the
// configuration is read and told. Kicks take neither path: KVM raises the eventfd that a device waits for.
//
// There is no way out of here but Bus::end(), from whichever thread it comes first: the process is the machine.
#pragma once

#include "base/event_loop.hpp"
#include "engine/kvm/bus.hpp"
#include "engine/kvm/memory.hpp"
#include "engine/kvm/options.hpp"
#include "engine/kvm/vm.hpp"

#include <optional>

namespace msb::engine::kvm {

class MachineRunner {
  public:
    /// Connects to the devices, loads the kernel, makes everything. `device`: /dev/kvm.
    static Result<std::unique_ptr<MachineRunner>> create(const Options& options, OwnedFd device,
                                                         int console);
    /// Returns only if the machine could not be started.
    Status run();

  private:
    explicit MachineRunner(Memory memory) : memory_(std::move(memory)) {}
    Status load(const Options& options);
    Result<Device> make_device(const DeviceSocket& socket, unsigned index) const;
    Status watch(const Device& device);
    void run_cpu(const Cpu& cpu);
    void answer(const Cpu& cpu);

    Memory memory_;
    std::optional<Vm> vm_;
    std::optional<Bus> bus_;
    std::vector<Cpu> cpus_;
    std::unique_ptr<EventLoop> loop_;
};

} // namespace msb::engine::kvm
