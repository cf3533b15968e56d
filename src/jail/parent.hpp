// Ties a child's life to its parent's.
#pragma once

#include "jail/steps.hpp"

namespace msb::jail {

/// SIGKILL when the parent thread ends. `lifeline` is a socket whose other end only the parent
/// holds: it tells whether the parent had ended before the request took effect.
Step die_with_parent(int lifeline);

} // namespace msb::jail
