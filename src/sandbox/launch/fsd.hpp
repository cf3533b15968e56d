// The sandbox's process that serves directories of the host (fsd), as the launching command starts
// it.
#pragma once

#include "sandbox/launch/helper.hpp"
#include "spec/spec.hpp"

#include <string>
#include <vector>

namespace msb {

/// The sources of a sandbox's mounts, found and held.
struct MountSources {
    struct Source {
        std::string path; ///< without links
        bool file = false;
        OwnedFd fd; ///< O_PATH
    };
    std::vector<Source> sources; ///< in the order of the spec

    /// Opens all sources. Fails with the errno of the first that the user, or later the jail,
    /// cannot read.
    static Result<MountSources> open(const std::vector<Mount>& mounts);
};

/// Binds the sockets, so that the engine can connect from now on, and starts the process.
Result<Helper> start_fsd(const HelperStart& start, const std::vector<Mount>& mounts,
                         const MountSources& sources);

} // namespace msb
