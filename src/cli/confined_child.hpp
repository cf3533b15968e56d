// A child process for work on data that a guest has made.
#pragma once

#include "base/fd.hpp"
#include "base/process.hpp"
#include "base/result.hpp"

#include <functional>

namespace msb::cli {

/// Work in a forked child, which has a copy of our descriptors and memory: nothing changes in ours.
class WorkingChild {
  public:
    /// `directory`: the only one that it reaches (Landlock, where the kernel has it); -1: it reaches what we do.
    static Result<WorkingChild> start(int directory, const std::function<Status()>& work);

    /// What the work returned. `tick` is called about every 50 ms here, and its error is passed on to the child as
    /// SIGTERM.
    Status wait(const std::function<Status()>& tick);

  private:
    WorkingChild(Child child, OwnedFd report)
        : child_(std::move(child)), report_(std::move(report)) {}
    Child child_;
    OwnedFd report_;
};

/// Both steps.
Status run_confined(int directory, const std::function<Status()>& work,
                    const std::function<Status()>& tick);

} // namespace msb::cli
