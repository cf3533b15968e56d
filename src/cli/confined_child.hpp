// A child process for work on data that a guest has made.
#pragma once

#include "base/result.hpp"

#include <functional>

namespace msb::cli {

/// Runs `work` in a forked child that reaches no file but those below the open directory (Landlock,
/// where the kernel has it) and gains no privileges, and returns what it returned. The child has a
/// copy of our descriptors and memory, so nothing changes in ours; `tick` is called about every 50
/// ms here, and its error is passed on to the child as SIGTERM.
Status run_confined(int directory, const std::function<Status()>& work,
                    const std::function<Status()>& tick);

} // namespace msb::cli
