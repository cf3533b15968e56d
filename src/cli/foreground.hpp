// Runs one command in a sandbox with our own stdin, stdout, stderr, terminal and signals, and tells
// the user what went wrong.
#pragma once

#include "terminal/foreground.hpp"

#include <string>

namespace msb::cli {

/// Tells the user how to come back to the session that was left. In sessions.cpp.
void report_detached(const std::string& name, const ForegroundResult& result);

/// The error that the connection to `name` was lost.
std::string lost_session_hint(const std::string& name);

/// Tells the user why a command could not start.
void show_exec_failure(const std::string& command, const wire::ExecFailed& failed);

/// run_attached(). All that a result has but `lost` and `detached` is shown.
Result<ForegroundResult> run_foreground(EventLoop& loop, AgentClient& client, SignalWatch& signals,
                                        ForegroundOptions options);

} // namespace msb::cli
