// msb cp into, out of and between volumes, which no guest is needed for.
#pragma once

#include "cli/copy_target.hpp"
#include "cli/session.hpp"

#include <string>

namespace msb::cli {

struct VolumeCopy {
    CopyEndpoint from;
    CopyEndpoint to;
    bool archive = false;          ///< owners, too
    std::string links = "confine"; ///< as of msb cp
};

/// Whether an endpoint is in a volume: its name is one's, and no sandbox's.
bool is_in_volume(Session& session, const CopyEndpoint& endpoint);

/// One end is in a volume, and the other one is, too, or is local.
Status copy_volume(Session& session, const VolumeCopy& copy);

} // namespace msb::cli
