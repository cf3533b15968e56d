// How a machine ends: the exit code of the program `kvm`, by which the engine knows it again. The program also
// writes a line about it to the guest's console.
#pragma once

#include <string_view>

namespace msb::engine::kvm {

enum class End : int {
    powered_off = 0,
    reset = 10,        ///< The guest has asked for a restart.
    panicked = 11,     ///< Its kernel has said so.
    triple_fault = 12, ///< It has faulted, and has no handler that does not fault.
    stray_access = 13, ///< To an address where there is neither memory nor a device.
    not_runnable =
        14, ///< KVM cannot go on: an instruction it does not know, a state no CPU can be in.
    device_lost = 15, ///< A device's process has ended or broken the protocol.
    not_started = 16, ///< The machine could not be made.
};

constexpr std::string_view describe(End end) {
    switch (end) {
    case End::powered_off: return "powered off";
    case End::reset: return "the guest restarted";
    case End::panicked: return "the guest kernel panicked";
    case End::triple_fault: return "the guest has crashed (triple fault)";
    case End::stray_access: return "the guest used an address where nothing is";
    case End::not_runnable: return "the guest is in a state that the CPU cannot run";
    case End::device_lost: return "a device of the guest has failed";
    case End::not_started: return "the machine could not be made";
    }
    return "?";
}

} // namespace msb::engine::kvm
