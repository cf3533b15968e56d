// The calls to KVM that make a machine and its CPUs.
//
// The interrupt controllers are KVM's own (the local APICs, the I/O APIC and with it the old PICs), and the old timer
// is left out: kernels that we boot take the TSC and the local APIC's timer. A split controller would leave the I/O APIC
// to this program, an exit for each interrupt of a device; what it saves is an I/O APIC in the host's kernel that
// is the oldest and most tried part there.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "engine/kvm/memory.hpp"

#include <linux/kvm.h>

namespace msb::engine::kvm {

class Cpu;

class Vm {
  public:
    /// `device`: /dev/kvm.
    static Result<Vm> create(OwnedFd device, const Memory& memory);

    /// An eventfd that raises an input of the I/O APIC.
    Result<OwnedFd> make_interrupt(unsigned input) const;
    /// A guest that writes `value` (32 bits) at `address` raises `event`, without leaving the guest for long.
    Status connect_write(std::uint64_t address, std::uint32_t value, int event) const;
    /// CPU `index` of `count`, its features set and otherwise as after a reset.
    Result<Cpu> make_cpu(unsigned index, unsigned count) const;

  private:
    Status add_memory(const Memory& memory) const;

    OwnedFd device_;
    OwnedFd machine_;
};

/// A CPU of the guest. Used by one thread.
class Cpu {
  public:
    /// Where the first CPU starts. The others wait until the guest starts them.
    Status set_entry(std::uint64_t entry) const;
    /// Runs the guest until something is to be done for it; false: run it again.
    Result<bool> run() const;
    /// Why it has stopped.
    kvm_run& exit() const { return *state_; }
    /// The bytes of an access to a port.
    MutableBytesView port_data() const;

  private:
    friend class Vm;
    OwnedFd fd_;
    kvm_run* state_ = nullptr; ///< never unmapped
    std::size_t state_size_ = 0;
};

} // namespace msb::engine::kvm
