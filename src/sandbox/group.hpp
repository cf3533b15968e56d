// The control group of a sandbox, if this machine lets us have one. The group's directory is noted
// in $MSB_HOME/run/groups before it is made, so that whoever finds the sandbox dead can remove it,
// from whichever group that command runs in.
#pragma once

#include "base/fd.hpp"
#include "sandbox/home.hpp"
#include "spec/spec.hpp"

namespace msb {

/// The group's directory, open; no descriptor where there can be no group. Needs the sandbox's
/// lock.
OwnedFd make_sandbox_group(const Home& home, const SandboxSpec& spec);

/// Call once the runtime is dead; remaining processes are killed. Needs the sandbox's lock.
Status remove_sandbox_group(const Home& home, std::string_view name);

} // namespace msb
