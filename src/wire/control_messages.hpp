// core.*: what host and agent say on the control channel, and what any connection may ask.
#pragma once

#include "wire/message.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace msb::wire {

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

/// New. While the guest shuts down: what clients have taken since the relay began, in bytes. Only the
/// host sees a slow reader's progress; its credit reaches the guest in large steps.
struct ReadersProgress {
    std::uint64_t taken = 0;
    MSB_WIRE_MESSAGE(ReadersProgress, "core.readers.progress", 7, 0);
};

/// New. Hold the root's disk still, and thaw it when nothing was heard for so long. The same number
/// again asks for that time from now on.
struct Freeze {
    std::uint64_t number = 0;
    std::uint64_t timeout_ms = 0;
    MSB_WIRE_MESSAGE(Freeze, "core.freeze", 7, 0);
};

/// New.
struct Thaw {
    MSB_WIRE_MESSAGE(Thaw, "core.thaw", 7, 0);
};

enum class FreezeState {
    freezing, ///< of the runtime's report only
    frozen,
    thawed,  ///< as it was told; it had been still all the time
    expired, ///< it thawed by itself
    failed,
    other, ///< what an unknown name decodes to; never sent
};

/// New. From the agent, when the state has changed.
struct FreezeReport {
    std::uint64_t number = 0;
    FreezeState state = FreezeState::failed;
    std::string message; ///< why it failed
    MSB_WIRE_MESSAGE(FreezeReport, "core.freeze.report", 7, 0);
};

/// New. The root's disk has become so large: extend the file system on it.
struct RootDiskGrow {
    std::uint64_t size_mib = 0;
    MSB_WIRE_MESSAGE(RootDiskGrow, "core.root_disk.grow", 7, 0);
};

/// New. The agent's answer.
struct RootDiskState {
    std::uint64_t size_mib = 0; ///< that was asked for
    std::string message;        ///< why the file system does not have it; omitted if it has
    MSB_WIRE_MESSAGE(RootDiskState, "core.root_disk.state", 7, 0);
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

/// Time that something of the guest has waited for a resource so far: some of its tasks, and all.
struct Stall {
    std::uint64_t some_us = 0;
    std::uint64_t full_us = 0;
};

/// New. What the guest's kernel says; a part that it does not tell is omitted. Bytes, but for `tasks`.
struct GuestUsage {
    std::optional<std::uint64_t> memory_used;
    std::optional<std::uint64_t> memory_available;
    std::optional<std::uint64_t> root_used; ///< of what the root is written to
    std::optional<std::uint64_t> root_free;
    std::optional<std::uint64_t> tasks; ///< processes and their threads, without the kernel's own
    std::optional<Stall> cpu_stall;
    std::optional<Stall> memory_stall;
    std::optional<Stall> io_stall;
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
    std::optional<GuestUsage> usage; ///< if the bootstrap document asks for it
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

std::string_view to_string(FreezeState state);

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

} // namespace msb::wire
