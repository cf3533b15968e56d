// Names of resource limits.
#pragma once

#include "base/result.hpp"
#include "wire/bootstrap.hpp"

#include <cstdint>
#include <vector>

namespace msb::agent {

/// One setrlimit(2), as the kernel takes it.
struct ResourceLimit {
    int resource;
    std::uint64_t soft;
    std::uint64_t hard;
};

/// invalid_argument names the first unknown resource, or a soft limit above its hard limit.
Result<std::vector<ResourceLimit>> parse_limits(const std::vector<wire::Rlimit>& limits);
/// Whether this kernel takes these limits: each is set for a moment, and is as before afterwards.
Status try_limits(const std::vector<wire::Rlimit>& limits);

} // namespace msb::agent
