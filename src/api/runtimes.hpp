// Runtimes that we started and that outlive their handle. They are still our children, so they have
// to be waited for when they end.
#pragma once

#include "base/process.hpp"

namespace msb::api {

/// Takes over the waiting. Checks all children whenever one is added or sweep() is called.
void leave_to_sweep(Child child);
/// Collects those that have ended.
void sweep_runtimes();

} // namespace msb::api
