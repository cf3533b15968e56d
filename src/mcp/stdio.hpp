// The protocol over a pair of pipes: one message a line.
#pragma once

#include "base/result.hpp"
#include "mcp/workbench.hpp"

namespace msb::mcp {

/// Serves the client at `in` and `out` until it has closed `in`, or something can be read from `end`.
/// What was made for the client has ended when this returns.
Status serve_stdio(Limits limits, int in, int out, int end);

} // namespace msb::mcp
