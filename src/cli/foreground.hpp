// Runs one command in a sandbox with our own stdin, stdout, stderr, terminal and signals.
#pragma once

#include "base/event_loop.hpp"
#include "cli/terminal.hpp"
#include "client/exec_session.hpp"

#include <cstdint>
#include <optional>

namespace msb::cli {

struct ForegroundOptions {
    wire::ExecRequest request;
    /// Our terminal is the command's terminal: raw mode, window size, every key forwarded.
    bool attach_terminal = false;
    /// False: the command sees end of input at once.
    bool forward_stdin = true;
    std::optional<std::chrono::milliseconds> timeout;
};

struct ForegroundResult {
    int exit_code = 0;
    /// The connection ended before the command did.
    std::optional<Error> lost;
    std::int64_t started_ns = 0; ///< CLOCK_MONOTONIC: the guest reported the start
    std::int64_t ended_ns = 0;   ///< the guest reported the end
};

/// SIGINT, SIGTERM, SIGHUP and SIGQUIT of `signals` go to the command; the third SIGINT kills it.
/// Returns when the command has ended and all of its output is written.
Result<ForegroundResult> run_foreground(EventLoop& loop, AgentClient& client, SignalWatch& signals,
                                        ForegroundOptions options);

} // namespace msb::cli
