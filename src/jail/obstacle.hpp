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

/// The first setting that explains why `user` cannot build a jail. `root` is put before /proc and
/// /sys; tests use a directory with the same files.
std::optional<Obstacle> find_obstacle(uid_t user, const std::string& root = "");

/// Adds the hint about such a setting, if the error is one that it leads to.
Error explain_by_host(Error error);

} // namespace msb::jail
