// Translates a request into a launch, and a failure into the message for the client.
#pragma once

#include "agent/core/config.hpp"
#include "agent/exec/launch.hpp"
#include "wire/messages.hpp"

#include <expected>
#include <string_view>

namespace msb::agent {

/// The plan, without streams. Fails with bad_args for arguments that no command can be started
/// with.
std::expected<LaunchPlan, wire::ExecFailed> make_launch_plan(const wire::ExecRequest& request,
                                                             const Config& config);

/// A launch in state failed.
wire::ExecFailed describe(const LaunchFailure& failure, const LaunchPlan& plan);
/// A failure before a child existed.
wire::ExecFailed describe(const Error& error, std::string_view stage);

} // namespace msb::agent
