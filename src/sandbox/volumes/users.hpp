// Which sandboxes have a volume, for those who would remove it.
#pragma once

#include "sandbox/sandboxes.hpp"

#include <string>
#include <vector>

namespace msb {

/// Names of the sandboxes that mount a volume: all, or those that run.
Result<std::vector<std::string>> users_of_volume(Sandboxes& sandboxes, const std::string& volume,
                                                 bool running_only);

/// busy while a sandbox that runs has it mounted; the error names it.
Status remove_volume(Sandboxes& sandboxes, const std::string& volume);

struct PrunedVolume {
    std::string name;
    std::uint64_t used_bytes = 0;
};
/// Removes the volumes that no sandbox mounts, not even one that is stopped, and that have all of the
/// labels. `dry_run`: only tells which.
Result<std::vector<PrunedVolume>> prune_volumes(Sandboxes& sandboxes, const LabelSelector& labels,
                                                bool dry_run);

} // namespace msb
