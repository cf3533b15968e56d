// Where the parts of msb itself are: one tree, wherever it stands, with `bin/msb`,
// `libexec/microsandbox/<program>` and `share/microsandbox/...`.
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

namespace msb {

/// The tree of the running executable, unless another one was set.
Result<std::string> installation_prefix();
/// Sets the tree, for a library inside another program. An empty prefix undoes it.
void set_installation_prefix(std::string prefix);
/// Path of one of the programs that msb starts.
Result<std::string> libexec_program(std::string_view name);

} // namespace msb
