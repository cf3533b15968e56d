// Whether a sandbox's agent answers.
#pragma once

#include "api/cancel.hpp"
#include "api/failure.hpp"

#include <chrono>
#include <string>

namespace msb::api {

/// How long the answer took. Does not count as activity.
Outcome<std::chrono::nanoseconds> ping(const std::string& name, Cancel* cancel);
/// Restarts the idle time; returns the activity counter.
Outcome<std::uint64_t> touch(const std::string& name, Cancel* cancel);

} // namespace msb::api
