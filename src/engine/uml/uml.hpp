// User Mode Linux as an engine: a Linux kernel that is an ordinary program, in the jail of
// Role::uml.
#pragma once

#include "engine/engine.hpp"

namespace msb::engine::uml {

Result<std::unique_ptr<Engine>> start(const Machine& machine);

/// The program's arguments; argv[0] and all paths as they are inside the jail.
Result<std::vector<std::string>> command_line(const Machine& machine,
                                              std::uint64_t loops_per_jiffy);

/// What the kernel's delay-loop calibration (0.34 s) would find, in 0.2 ms.
std::uint64_t measure_loops_per_jiffy();

/// What an exit code of the jail's init means.
Exit explain_exit(int wait_status);

} // namespace msb::engine::uml
