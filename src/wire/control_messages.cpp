#include "wire/control_messages.hpp"

#include "wire/codec.hpp"

namespace msb::wire {

// clang-format off

namespace { struct UserIds { std::uint32_t uid = 0; std::uint32_t gid = 0; };
            struct Resolved { UserIds default_user; }; }
MSB_WIRE_FIELDS(UserIds, f.required("uid", m.uid); f.required("gid", m.gid);)
MSB_WIRE_FIELDS(Resolved, f.required("default_user", m.default_user);)
MSB_WIRE_EMPTY(InitAck)
MSB_WIRE_FIELDS(Ready,
    f.required("boot_time_ns", m.boot_time_ns);
    f.required("init_time_ns", m.init_time_ns);
    f.required("ready_time_ns", m.ready_time_ns);
    f.omittable("agent_version", m.agent_version);)
MSB_WIRE_FIELDS(BootFailed,
    f.required("stage", m.stage);
    f.nullable("errno", m.sys_errno);
    f.required("message", m.message);)
MSB_WIRE_FIELDS(Shutdown, f.omittable("grace_ms", m.grace_ms);)
MSB_WIRE_EMPTY(Drain)
MSB_WIRE_EMPTY(Drained)
MSB_WIRE_FIELDS(ReadersProgress, f.required("taken", m.taken);)
template <> struct Names<FreezeState> {
    static constexpr std::array<std::string_view, 6> values = {"freezing", "frozen", "thawed",
                                                               "expired",  "failed", "other"};
    static constexpr auto fallback = FreezeState::other;
};
MSB_WIRE_FIELDS(Freeze,
    f.required("number", m.number);
    f.required("timeout_ms", m.timeout_ms);)
MSB_WIRE_EMPTY(Thaw)
MSB_WIRE_FIELDS(FreezeReport,
    f.required("number", m.number);
    f.required("state", m.state);
    f.defaulted("message", m.message);)
MSB_WIRE_FIELDS(RootDiskGrow, f.required("size_mib", m.size_mib);)
MSB_WIRE_FIELDS(RootDiskState,
    f.required("size_mib", m.size_mib);
    f.omittable("message", m.message);)
MSB_WIRE_FIELDS(RelayClientDisconnected,
    f.required("id_start", m.id_start);
    f.required("id_end_exclusive", m.id_end_exclusive);)
MSB_WIRE_FIELDS(ClockSync,
    f.required("unix_time_nanos", m.unix_time_nanos);
    f.omittable("heartbeat_seq", m.heartbeat_seq);)
MSB_WIRE_FIELDS(ActivityCounters,
    f.defaulted("host_messages", m.host_messages);
    f.defaulted("guest_messages", m.guest_messages);
    f.defaulted("exec_output_bytes", m.exec_output_bytes);
    f.defaulted("fs_bytes", m.fs_bytes);
    f.defaulted("tcp_bytes", m.tcp_bytes);)
MSB_WIRE_FIELDS(Stall,
    f.required("some_us", m.some_us);
    f.required("full_us", m.full_us);)
MSB_WIRE_FIELDS(GuestUsage,
    f.omittable("memory_used", m.memory_used);
    f.omittable("memory_available", m.memory_available);
    f.omittable("root_used", m.root_used);
    f.omittable("root_free", m.root_free);
    f.omittable("tasks", m.tasks);
    f.omittable("cpu_stall", m.cpu_stall);
    f.omittable("memory_stall", m.memory_stall);
    f.omittable("io_stall", m.io_stall);)
MSB_WIRE_FIELDS(Heartbeat,
    f.required("heartbeat_seq", m.heartbeat_seq);
    f.required("activity_seq", m.activity_seq);
    f.defaulted("timestamp", m.timestamp);
    f.defaulted("last_activity", m.last_activity);
    f.required("active_exec_sessions", m.active_exec_sessions);
    f.defaulted("active_fs_streams", m.active_fs_streams);
    f.defaulted("active_tcp_streams", m.active_tcp_streams);
    f.defaulted("activity_counters", m.activity_counters);
    f.omittable("usage", m.usage);)

MSB_WIRE_EMPTY(Ping)
MSB_WIRE_EMPTY(Pong)
MSB_WIRE_EMPTY(Touch)
MSB_WIRE_FIELDS(Touched, f.required("activity_seq", m.activity_seq);)
template <> struct Names<CoreErrorKind> {
    static constexpr std::array<std::string_view, 7> values = {
        "malformed_message", "unsupported_message_type", "unsupported_protocol_generation",
        "invalid_flags", "invalid_payload", "invalid_session", "other"};
    static constexpr auto fallback = CoreErrorKind::other;
};
MSB_WIRE_FIELDS(CoreError,
    f.required("kind", m.kind);
    f.defaulted("message", m.message);
    f.nullable("offending_type", m.offending_type);)

// clang-format on

void InitResolved::encode(cbor::Writer& writer) const {
    encode_structure(writer, Resolved{{uid, gid}});
}
Result<InitResolved> InitResolved::decode(BytesView payload) {
    const Resolved resolved = MSB_TRY(decode_message<Resolved>(payload));
    return InitResolved{resolved.default_user.uid, resolved.default_user.gid};
}

void Shutdown::encode(cbor::Writer& writer) const {
    if (grace_ms)
        encode_structure(writer, *this);
    else
        writer.null();
}
Result<Shutdown> Shutdown::decode(BytesView payload) {
    cbor::Reader reader(payload);
    if (payload.empty() || MSB_TRY(reader.peek()) != cbor::Kind::map)
        return Shutdown{};
    return decode_message<Shutdown>(payload);
}

MSB_WIRE_CODEC(InitAck)
MSB_WIRE_CODEC(Ready)
MSB_WIRE_CODEC(BootFailed)
MSB_WIRE_CODEC(Drain)
MSB_WIRE_CODEC(Drained)
MSB_WIRE_CODEC(ReadersProgress)
MSB_WIRE_CODEC(Freeze)
MSB_WIRE_CODEC(Thaw)
MSB_WIRE_CODEC(FreezeReport)
MSB_WIRE_CODEC(RootDiskGrow)
MSB_WIRE_CODEC(RootDiskState)
MSB_WIRE_CODEC(RelayClientDisconnected)
MSB_WIRE_CODEC(ClockSync)
MSB_WIRE_CODEC(Heartbeat)
MSB_WIRE_CODEC(Ping)
MSB_WIRE_CODEC(Pong)
MSB_WIRE_CODEC(Touch)
MSB_WIRE_CODEC(Touched)
MSB_WIRE_CODEC(CoreError)

std::string_view to_string(CoreErrorKind kind) {
    return Names<CoreErrorKind>::values[static_cast<std::size_t>(kind)];
}

std::string_view to_string(FreezeState state) {
    return Names<FreezeState>::values[static_cast<std::size_t>(state)];
}

} // namespace msb::wire
