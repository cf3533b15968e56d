// What the engine tells its VMM: the program's arguments, written and read.
#pragma once

#include "engine/engine.hpp"

#include <span>

namespace msb::engine::kvm {

/// The program's path where its starter, the runtime, is; and in its own jail.
inline constexpr const char* program_outside = "/vmm";
inline constexpr const char* program = "/kvm";
/// The descriptor on which it gets /dev/kvm.
inline constexpr int device_fd = 3;

struct Options {
    unsigned cpus = 1;
    std::uint64_t memory_bytes = 0;
    std::string kernel; ///< paths in the jail
    std::string initramfs;
    std::string command_line;
    std::vector<DeviceSocket> devices;
};

/// Without the program's name.
std::vector<std::string> to_arguments(const Options& options);
Result<Options> parse_arguments(std::span<char* const> arguments);

} // namespace msb::engine::kvm
