// Capabilities, by direct system calls.
#pragma once

#include "jail/steps.hpp"

#include <cstdint>

namespace msb::jail {

/// What a runtime needs to make the engine's jail inside its own: mounts, namespaces, and taking
/// another user id. Bit n is capability n.
std::uint64_t setup_capabilities();

/// Limits what this process and its children can ever regain. With 0, user id 0 stops meaning
/// anything either. Without CAP_SETPCAP there is nothing to limit.
Step bound_capabilities(std::uint64_t keep);

/// Makes exactly `keep` permitted and effective, surviving execve(2) for any user id.
Step set_capabilities(std::uint64_t keep);

/// Whether the effective set holds `capability`.
bool has_capability(int capability);

} // namespace msb::jail
