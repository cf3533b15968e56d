// Which symbolic links of a foreign tree may be made.
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

namespace msb {

/// The target to give to a link so that it stays in its tree, which the link lies `depth`
/// directories below (0: directly in the tree's top, or the link is the whole tree).
///
/// Absolute targets are those of another root: what lies below `origin` (the tree's path there) is
/// found by a relative target, anything else is looked for below the tree's top. Relative targets
/// may climb `depth` levels, and only at their beginning: a ".." behind a name could leave the
/// tree through another link. Any other target is an error (permission_denied).
Result<std::string> confine_link(std::string_view target, std::size_t depth,
                                 std::string_view origin);

} // namespace msb
