// Runs one command in a sandbox with our own stdin, stdout, stderr, terminal and signals.
#pragma once

#include "base/event_loop.hpp"
#include "cli/detach_keys.hpp"
#include "cli/terminal.hpp"
#include "client/exec_session.hpp"

#include <cstdint>
#include <optional>

namespace msb::cli {

struct ForegroundOptions {
    wire::ExecRequest request;
    /// Attaches to this session instead of starting `request`. It then goes on when we end: SIGHUP,
    /// SIGTERM, output that nobody takes and (with a terminal) the end of our input only detach
    /// from it. Of `request` only `cmd` and `tty` are used then, for messages.
    std::optional<wire::SessionAttach> attach;
    /// Our terminal is the command's terminal: raw mode, window size, every key forwarded.
    bool attach_terminal = false;
    /// False: the command sees end of input at once.
    bool forward_stdin = true;
    std::optional<std::chrono::milliseconds> timeout;
    Bytes detach_keys; ///< looked for in what is typed at an attached terminal
};

struct ForegroundResult {
    int exit_code = 0;
    /// The connection ended before the command did.
    std::optional<Error> lost;
    /// The command goes on without us as this session.
    std::optional<std::uint64_t> detached;
    bool stolen = false;         ///< because another client attached
    bool gave_up = false;        ///< the agent does not answer
    std::int64_t started_ns = 0; ///< CLOCK_MONOTONIC: the guest reported the start
    std::int64_t ended_ns = 0;   ///< the guest reported the end
};

/// Tells the user how to come back to the session that was left. In sessions.cpp.
void report_detached(const std::string& name, const ForegroundResult& result);

/// The error that the connection to `name` was lost.
std::string lost_session_hint(const std::string& name);

/// Tells the user why a command could not start.
void show_exec_failure(const std::string& command, const wire::ExecFailed& failed);

/// SIGINT, SIGTERM, SIGHUP and SIGQUIT of `signals` go to the command; the third SIGINT kills it.
/// If nothing shows that the agent receives them (no answer, no start), they end us after a while.
/// Returns when the command has ended and all of its output is written.
Result<ForegroundResult> run_foreground(EventLoop& loop, AgentClient& client, SignalWatch& signals,
                                        ForegroundOptions options);

} // namespace msb::cli
