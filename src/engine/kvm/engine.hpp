// KVM as an engine: the program `kvm`, our VMM, in the jail of Role::kvm.
#pragma once

#include "engine/engine.hpp"

namespace msb::engine::kvm {

Result<std::unique_ptr<Engine>> start(const Machine& machine);

/// What an exit code of the jail's init means; the program's own are End.
Exit explain_exit(int wait_status);

} // namespace msb::engine::kvm
