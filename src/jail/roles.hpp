// What each role may do. One function a role; SECURITY.md has the same as a table.
#pragma once

#include "jail/jail.hpp"
#include "jail/landlock.hpp"
#include "jail/limits.hpp"
#include "jail/seccomp.hpp"

namespace msb::jail {

/// The role's system call allow-list, built once per process.
Result<Program> seccomp_program(Role role);

Limits limits_of(Role role, std::uint64_t memory_bytes);

} // namespace msb::jail
