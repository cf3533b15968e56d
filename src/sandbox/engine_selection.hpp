// Which engine, kernel and initramfs a sandbox gets on this machine.
#pragma once

#include "sandbox/home.hpp"
#include "sandbox/sandboxes.hpp"
#include "spec/spec.hpp"

namespace msb {

/// Honours the spec's engine and required isolation; unsupported, with the reason, if this machine
/// cannot give them. not_found if no kernel bundle is installed.
Result<EngineSelection> select_engine(const Home& home, const Installation& installation,
                                      const SandboxSpec& spec);

} // namespace msb
