// What a request asks for, turned into what a launch does; and what went wrong, into what the
// client is told.
#pragma once

#include "agent/core/config.hpp"
#include "agent/exec/launch.hpp"
#include "wire/messages.hpp"

#include <expected>
#include <string_view>

namespace msb::agent {

/// Without streams. Fails with bad_args for what no command can be started with.
std::expected<LaunchPlan, wire::ExecFailed> make_launch_plan(const wire::ExecRequest& request,
                                                             const Config& config);

/// A launch in state failed.
wire::ExecFailed describe(const LaunchFailure& failure, const LaunchPlan& plan);
/// A failure before a child existed.
wire::ExecFailed describe(const Error& error, std::string_view stage);

} // namespace msb::agent
