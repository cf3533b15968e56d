// Runtimes that we started and that outlive their handle: children all the same, which somebody has
// to wait for once they have ended.
#pragma once

#include "base/process.hpp"

namespace msb::api {

/// Takes over the waiting. The child is looked at whenever another one comes, or on sweep.
void leave_to_sweep(Child child);
/// Collects those that have ended.
void sweep_runtimes();

} // namespace msb::api
