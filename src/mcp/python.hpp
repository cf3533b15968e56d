// A Python in a sandbox that keeps its names between calls, as a notebook's does.
#pragma once

#include "mcp/tool.hpp"

namespace msb::mcp {

api::Outcome<Answer> run_python(Call& call);

} // namespace msb::mcp
