// The messages of protocol generation 7, one struct each.
//
// Member names are the keys on the wire. A std::optional that is empty is sent as null, or left
// out where noted "omitted"; receivers accept both for every optional, any key order, and ignore
// keys they do not know. Defaults here are what a receiver assumes for an absent key.
// decode() fails with ErrorKind::protocol (limit_exceeded for excessive lists or nesting).
//
// Names and fields marked "new" are additions of this project: peers that do not know them never
// see the messages and ignore the fields.
#pragma once

#include "wire/bootstrap.hpp"
#include "wire/cbor.hpp"
#include "wire/frame.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msb::wire {

/// Declares what every message struct has.
#define MSB_WIRE_MESSAGE(Name, type_name, introduced, type_flags)                                  \
    static constexpr std::string_view type = type_name;                                            \
    static constexpr std::uint8_t min_generation = introduced;                                     \
    static constexpr std::uint8_t flags = type_flags;                                              \
    void encode(cbor::Writer& writer) const;                                                       \
    static Result<Name> decode(BytesView payload)

/// {"data": bytes} without a copy: `data` points to the caller's bytes when encoding and into the
/// decoded payload otherwise (or to `owner`, if the string came in pieces).
#define MSB_WIRE_DATA_MESSAGE(Name, type_name, introduced)                                         \
    struct Name {                                                                                  \
        BytesView data;                                                                            \
        std::shared_ptr<const Bytes> owner{};                                                      \
        MSB_WIRE_MESSAGE(Name, type_name, introduced, 0);                                          \
    }

// --- control channel (id 0) ---------------------------------------------------------------------

struct InitResolved {
    std::uint32_t uid = 0; ///< both inside "default_user"
    std::uint32_t gid = 0;
    MSB_WIRE_MESSAGE(InitResolved, "core.init.resolved", 1, 0);
};

struct InitAck {
    MSB_WIRE_MESSAGE(InitAck, "core.init.ack", 1, 0);
};

/// Times are CLOCK_BOOTTIME of the guest, in nanoseconds.
struct Ready {
    std::uint64_t boot_time_ns = 0;  ///< the agent's first instruction
    std::uint64_t init_time_ns = 0;  ///< the root is assembled
    std::uint64_t ready_time_ns = 0; ///< the agent serves
    std::string agent_version;       ///< omitted if empty
    MSB_WIRE_MESSAGE(Ready, "core.ready", 1, 0);
};

/// New. The guest cannot boot; it powers off after this.
struct BootFailed {
    std::string stage; ///< "modules", "transport", "bootstrap", "root", "mounts", "identity", ...
    std::optional<std::int32_t> sys_errno; ///< "errno"
    std::string message;
    MSB_WIRE_MESSAGE(BootFailed, "core.boot.failed", 7, 0);
};

/// Payload null, or (new) a map when a member is set.
struct Shutdown {
    std::optional<std::uint64_t> grace_ms; ///< time between the stop signal and SIGKILL; omitted
    MSB_WIRE_MESSAGE(Shutdown, "core.shutdown", 1, flag_shutdown);
};

/// New. Commands that run may finish, new ones are refused; the sandbox stops when none is left.
/// From a client to the relay, and from the runtime to the agent.
struct Drain {
    MSB_WIRE_MESSAGE(Drain, "core.drain", 7, flag_shutdown);
};

/// New. The agent's answer when no command is left.
struct Drained {
    MSB_WIRE_MESSAGE(Drained, "core.drained", 7, 0);
};

struct RelayClientDisconnected {
    std::uint32_t id_start = 0;
    std::uint32_t id_end_exclusive = 0;
    MSB_WIRE_MESSAGE(RelayClientDisconnected, "core.relay.client.disconnected", 1, 0);
};

struct ClockSync {
    std::uint64_t unix_time_nanos = 0;
    /// New: the heartbeat that this answers, so that the guest knows how old it can be; omitted.
    std::optional<std::uint64_t> heartbeat_seq;
    MSB_WIRE_MESSAGE(ClockSync, "core.clock.sync", 1, 0);
};

struct ActivityCounters {
    std::uint64_t host_messages = 0;
    std::uint64_t guest_messages = 0;
    std::uint64_t exec_output_bytes = 0;
    std::uint64_t fs_bytes = 0;
    std::uint64_t tcp_bytes = 0;
};

/// New, once a second on the control channel.
struct Heartbeat {
    std::uint64_t heartbeat_seq = 0;
    std::uint64_t activity_seq = 0;  ///< counts every message but ping, pong, clock sync and errors
    std::uint64_t timestamp = 0;     ///< guest's Unix time, nanoseconds
    std::uint64_t last_activity = 0; ///< same, when activity_seq changed last
    std::uint32_t active_exec_sessions = 0;
    std::uint32_t active_fs_streams = 0;
    std::uint32_t active_tcp_streams = 0;
    ActivityCounters activity_counters;
    MSB_WIRE_MESSAGE(Heartbeat, "core.heartbeat", 7, 0);
};

// --- any channel --------------------------------------------------------------------------------

struct Ping {
    MSB_WIRE_MESSAGE(Ping, "core.ping", 6, 0);
};
struct Pong {
    MSB_WIRE_MESSAGE(Pong, "core.pong", 6, flag_terminal);
};
struct Touch {
    MSB_WIRE_MESSAGE(Touch, "core.touch", 6, 0);
};
struct Touched {
    std::uint64_t activity_seq = 0;
    MSB_WIRE_MESSAGE(Touched, "core.touched", 6, flag_terminal);
};

enum class CoreErrorKind {
    malformed_message,
    unsupported_message_type,
    unsupported_protocol_generation,
    invalid_flags,
    invalid_payload,
    invalid_session,
    other, ///< what an unknown name decodes to; never sent
};
std::string_view to_string(CoreErrorKind kind);

struct CoreError {
    CoreErrorKind kind = CoreErrorKind::other;
    std::string message;
    std::optional<std::string> offending_type;
    MSB_WIRE_MESSAGE(CoreError, "core.error", 5, flag_terminal);
};

// --- exec ---------------------------------------------------------------------------------------

struct ExecRequest {
    std::string cmd;
    std::vector<std::string> args; ///< without argv[0]
    std::vector<std::string> env;  ///< "K=V"
    std::optional<std::string> cwd;
    std::optional<std::string> user; ///< USER[:GROUP], names or numbers
    bool tty = false;
    std::uint16_t rows = 24;
    std::uint16_t cols = 80;
    std::vector<Rlimit> rlimits;
    bool flow = false;   ///< new; stdin is sent as core.flow.window permits; omitted if false
    bool detach = false; ///< new; the session outlives its connection; omitted if false
    MSB_WIRE_MESSAGE(ExecRequest, "core.exec.request", 1, flag_session_start);
};

struct ExecStarted {
    std::uint32_t pid = 0;
    std::optional<std::uint64_t>
        session; ///< new; its number, if the request said `detach`; omitted
    MSB_WIRE_MESSAGE(ExecStarted, "core.exec.started", 1, 0);
};

/// Empty data = end of input.
MSB_WIRE_DATA_MESSAGE(ExecStdin, "core.exec.stdin", 1);
MSB_WIRE_DATA_MESSAGE(ExecStdout, "core.exec.stdout", 1);
MSB_WIRE_DATA_MESSAGE(ExecStderr, "core.exec.stderr", 1);

/// Not terminal: the command goes on without (more) input.
struct ExecStdinError {
    std::optional<std::int32_t> sys_errno; ///< "errno"
    std::optional<std::string> errno_name; ///< "EPIPE"
    std::string message;
    MSB_WIRE_MESSAGE(ExecStdinError, "core.exec.stdin.error", 1, 0);
};

struct ExecExited {
    std::int32_t code = 0;              ///< -1 if a signal ended the command
    std::optional<std::int32_t> signal; ///< new; omitted after a normal exit
    MSB_WIRE_MESSAGE(ExecExited, "core.exec.exited", 1, flag_terminal);
};

enum class ExecFailure {
    not_found,
    permission_denied,
    not_executable,
    bad_cwd,
    bad_args,
    resource_limit,
    user_setup_failed,
    out_of_memory,
    pty_setup_failed,
    other,
};
std::string_view to_string(ExecFailure kind);

struct ExecFailed {
    ExecFailure kind = ExecFailure::other;
    std::optional<std::int32_t> sys_errno; ///< "errno"
    std::optional<std::string> errno_name;
    std::string message;
    std::optional<std::string> stage; ///< the step that failed: "user", "cwd", "execvp", ...
    MSB_WIRE_MESSAGE(ExecFailed, "core.exec.failed", 1, flag_terminal);
};

struct ExecResize {
    std::uint16_t rows = 24;
    std::uint16_t cols = 80;
    MSB_WIRE_MESSAGE(ExecResize, "core.exec.resize", 1, 0);
};

struct ExecSignal {
    std::int32_t signal = 0;
    MSB_WIRE_MESSAGE(ExecSignal, "core.exec.signal", 1, 0);
};

// --- tcp ----------------------------------------------------------------------------------------

/// Connects from inside the guest. New: a host of the form "unix:/path" (or "unix:@name" in the
/// abstract name space) is a Unix stream socket of the guest; the port is ignored.
struct TcpConnect {
    std::string host;
    std::uint16_t port = 0;
    bool flow = false; ///< new; core.tcp.data is sent as core.flow.window permits; omitted if false
    /// New; omitted. The sender takes this many bytes of core.tcp.data, and what it grants with
    /// core.flow.window later.
    std::optional<std::uint32_t> window;
    MSB_WIRE_MESSAGE(TcpConnect, "core.tcp.connect", 4, flag_session_start);
};
struct TcpConnected {
    MSB_WIRE_MESSAGE(TcpConnected, "core.tcp.connected", 4, 0);
};
MSB_WIRE_DATA_MESSAGE(TcpData, "core.tcp.data", 4);
struct TcpEof {
    MSB_WIRE_MESSAGE(TcpEof, "core.tcp.eof", 4, 0);
};
/// Answered by core.tcp.closed. What the destination has not taken yet is lost.
struct TcpClose {
    bool reset = false; ///< new; the destination sees a reset, no end of data; omitted if false
    MSB_WIRE_MESSAGE(TcpClose, "core.tcp.close", 4, 0);
};
struct TcpClosed {
    MSB_WIRE_MESSAGE(TcpClosed, "core.tcp.closed", 4, flag_terminal);
};
struct TcpFailed {
    std::string error;
    std::optional<std::int32_t> sys_errno; ///< new; "errno"; omitted
    std::string stage; ///< new; "accept", "resolve", "connect" or "stream"; omitted if empty
    MSB_WIRE_MESSAGE(TcpFailed, "core.tcp.failed", 4, flag_terminal);
};

// --- whole frames -------------------------------------------------------------------------------

/// What is fixed about a published message name.
struct MessageType {
    std::string_view name;
    std::uint8_t min_generation;
    std::uint8_t flags;
};
/// Nothing for a name that generation 7 (with this project's additions) does not have.
const MessageType* find_message_type(std::string_view name);

/// {"data": bytes}: can be sent from where the bytes are.
template <typename M>
concept DataMessage = requires(const M& message) { message.owner; };

/// Appends a frame up to its data, exactly `size` bytes of which must follow.
template <DataMessage M> void append_data_head(Bytes& out, std::uint32_t id, std::size_t size) {
    begin_frame(out, id, M::flags, M::type, 1 + 5 + cbor::head_size(size) + size);
    cbor::Writer writer(out);
    writer.map(1);
    writer.text("data");
    writer.bytes_head(size);
}

/// Appends one frame. The sender keeps it within max_frame_size; data messages of up to 3 MiB do.
template <typename M> void append_message(Bytes& out, std::uint32_t id, const M& message) {
    if constexpr (DataMessage<M>) {
        append_data_head<M>(out, id, message.data.size());
        out.insert(out.end(), message.data.begin(), message.data.end());
    } else {
        Bytes payload;
        cbor::Writer writer(payload);
        message.encode(writer);
        begin_frame(out, id, M::flags, M::type, payload.size());
        out.insert(out.end(), payload.begin(), payload.end());
    }
}

template <typename M> Bytes encode_message(std::uint32_t id, const M& message) {
    Bytes out;
    append_message(out, id, message);
    return out;
}

/// Decodes the whole body of a frame that must be an M; `protocol` if it has another type.
template <typename M> Result<M> decode_body(BytesView body) {
    const Envelope envelope = MSB_TRY(decode_envelope(body));
    if (envelope.type != M::type)
        return fail(ErrorKind::protocol, "expected " + std::string(M::type) + ", received '" +
                                             std::string(envelope.type) + "'");
    return M::decode(envelope.payload);
}

} // namespace msb::wire
