// Control groups: what all processes of one sandbox together take from the host. The limits of
// limits.hpp bound single processes and hold everywhere; these bound the sum, where the host lets
// us make groups: in cgroup v2, or in version 1 if that has the memory controller.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <string>

namespace msb::jail {

struct GroupLimits {
    std::uint64_t memory_bytes = 0;
    std::uint64_t processes = 0;
    unsigned cpu_percent = 0; ///< of one CPU; kept only where the cpu controller is given to us
};

/// What a sandbox of this size may take: the guest's memory and CPUs, and what its devices and the
/// host's bookkeeping of guest processes need beside them.
GroupLimits group_limits(std::uint64_t guest_memory_bytes, unsigned vcpus);

class ControlGroups {
  public:
    /// The nearest group above this process in which we may make groups with memory and process
    /// limits. Some microseconds, nothing is changed.
    static ControlGroups find();

    bool available() const { return why_not_.empty(); }
    bool memory_only() const { return legacy_; }
    const std::string& why_not() const { return why_not_; } ///< for people

    /// The directory of a group of this name, whether it exists or not.
    std::string path_of(const std::string& name) const;
    /// Makes the group (taking over one that is left, and removing old empty ones beside it) and opens its directory, for
    /// Request::control_group.
    Result<OwnedFd> make(const std::string& name, const GroupLimits& limits) const;

  private:
    Result<OwnedFd> make_legacy(const std::string& name, const GroupLimits& limits) const;

    std::string base_;    ///< the group that holds ours
    bool legacy_ = false; ///< it is the memory controller's of version 1
    std::string why_not_;
};

/// A process cannot be started in a group of version 1; it enters by writing "0" here while it has
/// one thread. (That takes the kernel microseconds. To move another process, or a whole one by
/// cgroup.procs, it holds up all forks of the machine, and waits 5 to 20 ms until it can.)
/// No descriptor: the group is of version 2, in which processes are started directly.
Result<OwnedFd> open_legacy_group(int group);

/// Removes a group by its directory, when its processes have ended or are about to; remaining ones
/// are killed, if the kernel can do that. It is no error if the group does not exist.
Status remove_control_group(const std::string& path);

} // namespace msb::jail
