// The processes that a sandbox has beside its runtime: one file each in this folder.
//
// A helper is started by the launching command before the runtime, because the runtime's namespaces
// lack what it is for. Its lifeline is what joins the two: the runtime holds the only other end, so
// however runtime or command end, the helper learns of it and ends by itself. But it serves a
// guest, which may have taken it over: so its process id is recorded beside the runtime's, out of
// its reach, and whoever finds the runtime gone sees to it that the helpers are.
#pragma once

#include "base/fd.hpp"
#include "base/process.hpp"
#include "base/result.hpp"
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

/// What all of them are started with.
struct HelperStart {
    const Installation& installation;
    const std::string& home;    ///< where the user's configuration is
    const std::string& sockets; ///< the sandbox's socket directory
    const std::string& log_level;
    int control_group;
};

/// Notes which processes they are. To be called as soon as they are started: what is not noted is
/// only ended by its lifeline.
Status record_helpers(const Home& home, std::string_view name, const std::vector<Child>& helpers);

/// Ends those of a runtime that is gone: they have a moment to do it themselves, then they are
/// killed. Bounded; timed_out if one does not even end then. Needs the sandbox's lock.
Status end_helpers(const Home& home, std::string_view name);

} // namespace msb
