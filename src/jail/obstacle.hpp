// Settings of a host that keep jails from being built, for the error of whoever could not build
// one.
#pragma once

#include "base/result.hpp"

#include <optional>
#include <string>
#include <sys/types.h>

namespace msb::jail {

struct Obstacle {
    std::string what; ///< The setting, and what it forbids.
    std::string hint; ///< What to do, by whom.
};

/// The first setting that explains why `user` cannot build a jail. `root` is before /proc and /sys:
/// a directory that looks like them, in tests.
std::optional<Obstacle> find_obstacle(uid_t user, const std::string& root = "");

/// With the hint for what stands in the way, if the error is one that such a setting leads to.
Error explain_by_host(Error error);

} // namespace msb::jail
