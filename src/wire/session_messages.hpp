// Flow control of single streams, and exec sessions that outlive their client. All of it is new:
// no peer sees any of these messages unless it asked for them.
//
// Flow control. Without it, what a command (or a TCP peer) does not read stays in the connection,
// and everything that the client sends afterwards waits behind it, signals included. A client that
// sets `flow` in a request that starts a stream sends at most initial_window bytes of data, plus
// what the agent has granted by core.flow.window on the stream's id since. Data are the bytes in
// "data"; an empty data message (end of input) needs no window. An agent that knows the field
// grants at least once before its first answer (core.exec.started, core.tcp.connected, ...): an
// answer without a grant before it means that the agent knows no windows and there is no limit.
// An upload's only answer is its end; its first grant comes as soon as the request is read.
//
// Kept sessions. core.session.detach on a running session's id takes the session from its
// connection, and it goes on without. `detach` in core.exec.request starts one like that: the
// answer is core.exec.started with the session's number, then core.session.detached; a command
// without a terminal has no input. A kept session is known by its number, which exec.log has too.
// The agent keeps its newest output, up to a bound, for whoever attaches, and remembers its end
// for a while. One client can be attached at a time; when its connection ends, the session stays.
#pragma once

#include "wire/messages.hpp"

namespace msb::wire {

/// What may be sent before the first grant.
inline constexpr std::uint64_t initial_window = 65'536;

/// To the sender of a stream's data: so many bytes more.
struct FlowWindow {
    std::uint64_t bytes = 0;
    MSB_WIRE_MESSAGE(FlowWindow, "core.flow.window", 7, 0);
};

/// Relay to agent: the number of the session that the next core.exec.request with this id starts.
struct SessionNumber {
    std::uint64_t session = 0;
    MSB_WIRE_MESSAGE(SessionNumber, "core.session.number", 7, 0);
};

/// On a session's id: leave it running and end this id. Answered by core.session.detached.
struct SessionDetach {
    MSB_WIRE_MESSAGE(SessionDetach, "core.session.detach", 7, 0);
};

/// Nothing changed: the session goes on with its client.
struct SessionDetachFailed {
    std::string message;
    MSB_WIRE_MESSAGE(SessionDetachFailed, "core.session.detach.failed", 7, 0);
};

/// Last frame of an id whose session goes on without it.
struct SessionDetached {
    std::uint64_t session = 0;
    bool stolen = false; ///< another client attached and took it over
    MSB_WIRE_MESSAGE(SessionDetached, "core.session.detached", 7, flag_terminal);
};

/// How much of the earlier output an attaching client wants to see.
enum class Replay { missed, all, none };

/// Makes the id the session's id. Answered by core.session.attached, then as core.exec.request
/// after core.exec.started: output, kept and new, and its end. Or by core.session.failed.
struct SessionAttach {
    std::uint64_t session = 0;
    Replay replay = Replay::missed;
    bool steal = false;                ///< detach whoever is attached
    bool flow = false;                 ///< as in core.exec.request; omitted if false
    std::optional<std::uint16_t> rows; ///< of a terminal; omitted
    std::optional<std::uint16_t> cols;
    MSB_WIRE_MESSAGE(SessionAttach, "core.session.attach", 7, flag_session_start);
};
struct SessionAttached {
    std::uint32_t pid = 0;
    bool tty = false;
    std::uint64_t lost_bytes = 0; ///< of what `replay` asked for and is not kept any more
    MSB_WIRE_MESSAGE(SessionAttached, "core.session.attached", 7, 0);
};

enum class SessionFailure {
    not_found, ///< no such session, or its end is too long ago
    not_kept,  ///< it belongs to the connection that started it
    busy,      ///< somebody is attached
    ended,     ///< cannot be signalled any more
    limit,     ///< too many kept sessions
    other,
};
std::string_view to_string(SessionFailure kind);

struct SessionFailed {
    SessionFailure kind = SessionFailure::other;
    std::string message;
    MSB_WIRE_MESSAGE(SessionFailed, "core.session.failed", 7, flag_terminal);
};

struct SessionList {
    MSB_WIRE_MESSAGE(SessionList, "core.session.list", 7, 0);
};
struct SessionInfo {
    std::uint64_t session = 0;
    std::uint32_t pid = 0;
    std::vector<std::string> command; ///< shortened if it is very long
    bool tty = false;
    bool kept = false;              ///< outlives its connection
    bool attached = false;          ///< has a client now
    std::int64_t started_at_ns = 0; ///< guest's Unix time
    std::optional<std::int64_t> ended_at_ns;
    std::optional<std::int32_t> code; ///< as in core.exec.exited
    std::optional<std::int32_t> signal;
    std::uint64_t kept_bytes = 0; ///< output that can still be replayed
    std::uint64_t lost_bytes = 0; ///< output that nobody has seen and that is not kept any more
};
struct SessionListed {
    std::vector<SessionInfo> sessions; ///< by number
    MSB_WIRE_MESSAGE(SessionListed, "core.session.listed", 7, flag_terminal);
};

/// Any session of the sandbox, by number. Answered by core.session.signalled or .failed.
struct SessionSignal {
    std::uint64_t session = 0;
    std::int32_t signal = 0;
    MSB_WIRE_MESSAGE(SessionSignal, "core.session.signal", 7, 0);
};
struct SessionSignalled {
    MSB_WIRE_MESSAGE(SessionSignalled, "core.session.signalled", 7, flag_terminal);
};

// --- between runtime and agent only -------------------------------------------------------------

/// From now on this connection gets the output and the end of every kept session, whether a client
/// is attached or not: the runtime logs them.
struct SessionObserve {
    MSB_WIRE_MESSAGE(SessionObserve, "core.session.observe", 7, 0);
};
struct SessionOutput {
    std::uint64_t session = 0;
    bool tty = false;
    bool error = false; ///< stderr
    Bytes data;
    MSB_WIRE_MESSAGE(SessionOutput, "core.session.output", 7, 0);
};
struct SessionEnded {
    std::uint64_t session = 0;
    std::int32_t code = 0; ///< as in core.exec.exited
    std::optional<std::int32_t> signal;
    MSB_WIRE_MESSAGE(SessionEnded, "core.session.ended", 7, 0);
};

} // namespace msb::wire
