// User and group ids inside and outside a jail.
#pragma once

#include "base/result.hpp"
#include "jail/steps.hpp"

#include <sys/types.h>

namespace msb::jail {

/// Inside a runtime's jail that root started: the id that stands for a host id which owns nothing
/// and which no other process has. The engine takes it, so that even outside its jail it would be
/// nobody.
constexpr uid_t engine_id = 1;

/// Maps the caller's own id to itself in the user namespace of `child`, and engine_id to a private
/// host id where the caller may do that (root). Returns whether engine_id is mapped.
Result<bool> write_id_maps(pid_t child);

/// Takes engine_id and no supplementary groups; keeps the current ids if engine_id is not mapped.
Step become_engine_id();

} // namespace msb::jail
