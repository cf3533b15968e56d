// The processes that a sandbox has beside its runtime: one file each in this folder.
//
// A helper is started by the launching command before the runtime, because the runtime's namespaces
// lack what it is for. A lifeline joins the two: the runtime holds its only other end, so the
// helper notices the end of runtime or command and ends by itself. But the guest that it serves may
// have taken it over. So its process id is recorded beside the runtime's, where it cannot write,
// and a command that finds the runtime gone also ends its helpers.
#pragma once

#include "base/fd.hpp"
#include "base/process.hpp"
#include "base/result.hpp"
#include "jail/jail.hpp"
#include "sandbox/home.hpp"
#include "spec/launch.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace msb {

struct Helper {
    std::string_view step; ///< of a launch that it is started in, for a boot error
    LaunchFd number;       ///< of its lifeline in the runtime
    Child process;
    OwnedFd lifeline; ///< the runtime's end
};

/// A helper with all that it needs but a process: making one takes as long as a guest's kernel takes
/// to reach its first device, so that is done while the kernel boots.
struct JailedStart {
    jail::Request request;
    std::vector<OwnedFd> owned; ///< the descriptors that it gets
    OwnedFd lifeline;           ///< the runtime's end; log lines come out of it

    /// A descriptor for the process, under this number there.
    void give(int number, OwnedFd fd);
    Result<Child> spawn() const;
};

/// Parameters that all helpers need.
struct HelperStart {
    const Installation& installation;
    const std::string& home;    ///< where the user's configuration is
    const std::string& sandbox; ///< its name
    const std::string& sockets; ///< the sandbox's socket directory
    const std::string& log_level;
    int control_group;
    int log; ///< the runtime's log, for programs that can only write to their standard error
};

/// Records the helpers' processes. Call it as soon as they are started: a process that is not
/// recorded is only ended by its lifeline.
Status record_helpers(const Home& home, std::string_view name, const std::vector<Child>& helpers);

/// Ends the helpers of a runtime that is gone: they have a moment to end by themselves, then they
/// are killed. Bounded; timed_out if one still does not end. Needs the sandbox's lock.
Status end_helpers(const Home& home, std::string_view name);

} // namespace msb
