// Snapshots as JSON, the same on the command line and in the library.
#pragma once

#include "json/value.hpp"
#include "sandbox/snapshots.hpp"

namespace msb {

json::Value snapshot_summary(const Snapshot& snapshot);
/// With all that the descriptor says.
json::Value snapshot_details(const Snapshot& snapshot);

} // namespace msb
