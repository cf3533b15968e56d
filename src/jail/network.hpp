#pragma once

#include "jail/steps.hpp"

namespace msb::jail {

/// Fails (EEXIST) unless the network namespace has no interface but a loopback that is down, as a
/// fresh one has: nothing can be reached from it, not even the host's own services.
Step require_empty_network();

} // namespace msb::jail
