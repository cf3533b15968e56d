// Runs one command in a sandbox with our own stdin, stdout, stderr, terminal and signals.
#pragma once

#include "base/event_loop.hpp"
#include "client/exec_session.hpp"
#include "terminal/detach_keys.hpp"
#include "terminal/terminal.hpp"

#include <cstdint>
#include <functional>
#include <optional>

namespace msb {

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
    /// Told of output before we attached that is not kept any more; may be empty.
    std::function<void(std::uint64_t bytes)> output_lost{};
};

/// What came of it. Of the errors at most one is the reason for the exit code.
struct ForegroundResult {
    int exit_code = 0;
    /// The connection ended before the command did.
    std::optional<Error> lost;
    std::optional<wire::ExecFailed> failed;     ///< it could not start
    std::optional<wire::SessionFailed> refused; ///< attaching to it
    std::optional<Error> stream_error;          ///< of our stdin, stdout or stderr
    bool timed_out = false;
    /// The command goes on without us as this session.
    std::optional<std::uint64_t> detached;
    bool stolen = false;         ///< because another client attached
    bool gave_up = false;        ///< the agent does not answer
    std::int64_t started_ns = 0; ///< CLOCK_MONOTONIC: the guest reported the start
    std::int64_t ended_ns = 0;   ///< the guest reported the end
};

/// SIGINT, SIGTERM, SIGHUP and SIGQUIT of `signals` go to the command; the third SIGINT kills it.
/// If nothing shows that the agent receives them (no answer, no start), they end us after a while.
/// Without `signals` none is handled; the window's size is looked at now and then.
/// Returns when the command has ended and all of its output is written.
Result<ForegroundResult> run_attached(EventLoop& loop, AgentClient& client, SignalWatch* signals,
                                      ForegroundOptions options);

} // namespace msb
