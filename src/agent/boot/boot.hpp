// From the kernel's first instruction in user space to a guest that can serve.
#pragma once

#include "agent/boot/control.hpp"
#include "agent/serve/server.hpp"
#include "base/result.hpp"
#include "wire/bootstrap.hpp"

#include <string>

namespace msb::agent {

/// What booting leaves for serving and for the end.
struct Machine {
    ControlChannel control;
    Config config;
    wire::Ready times;         ///< ready_time_ns is still to be filled in
    OwnedFd initramfs;         ///< below the root; none if it is the root itself
    bool ephemeral = false;    ///< the root's changes are thrown away at the end
    bool has_init = false;     ///< process 1 is an init system of the image, not this program
    OwnedFd listener;          ///< where clients connect
    OwnedFd own_directory;     ///< /.msb; none where the root cannot have it
    bool report_usage = false; ///< in heartbeats
};

/// The step that failed.
struct BootError {
    const char* stage;
    Error error;
};

/// Every step is bounded in time. After a failure `machine.control` may already be connected.
std::expected<void, BootError> boot(Machine& machine);

/// Sets up what only the image's programs look at: kernel settings, /proc/cpuinfo. boot() has done
/// it already if there is an init; otherwise call it before the first command is taken.
void set_up_for_programs(const Machine& machine);

/// CLOCK_BOOTTIME in nanoseconds.
std::uint64_t boot_clock_ns();
/// Sets the wall clock if it is off by more than `tolerance`.
void set_clock(std::uint64_t unix_ns, std::chrono::nanoseconds tolerance);

} // namespace msb::agent
