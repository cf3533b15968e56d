#include "wire/session_messages.hpp"

#include "wire/codec.hpp"

namespace msb::wire {

// clang-format off

MSB_WIRE_FIELDS(FlowWindow, f.required("bytes", m.bytes);)
MSB_WIRE_FIELDS(SessionNumber, f.required("session", m.session);)
MSB_WIRE_EMPTY(SessionDetach)
MSB_WIRE_FIELDS(SessionDetachFailed, f.defaulted("message", m.message);)
MSB_WIRE_FIELDS(SessionDetached, f.required("session", m.session); f.defaulted("stolen", m.stolen);)
template <> struct Names<Replay> {
    static constexpr std::array<std::string_view, 3> values = {"missed", "all", "none"};
};
MSB_WIRE_FIELDS(SessionAttach,
    f.required("session", m.session); f.defaulted("replay", m.replay);
    f.defaulted("steal", m.steal); f.omittable("flow", m.flow);
    f.omittable("rows", m.rows); f.omittable("cols", m.cols);)
MSB_WIRE_FIELDS(SessionAttached,
    f.required("pid", m.pid); f.defaulted("tty", m.tty); f.defaulted("lost_bytes", m.lost_bytes);)
template <> struct Names<SessionFailure> {
    static constexpr std::array<std::string_view, 6> values = {
        "not_found", "not_kept", "busy", "ended", "limit", "other"};
    static constexpr auto fallback = SessionFailure::other;
};
MSB_WIRE_FIELDS(SessionFailed, f.required("kind", m.kind); f.defaulted("message", m.message);)
MSB_WIRE_EMPTY(SessionList)
MSB_WIRE_FIELDS(SessionInfo,
    f.required("session", m.session); f.required("pid", m.pid); f.defaulted("command", m.command);
    f.defaulted("tty", m.tty); f.defaulted("kept", m.kept); f.defaulted("attached", m.attached);
    f.defaulted("started_at_ns", m.started_at_ns); f.omittable("ended_at_ns", m.ended_at_ns);
    f.omittable("code", m.code); f.omittable("signal", m.signal);
    f.defaulted("kept_bytes", m.kept_bytes); f.defaulted("lost_bytes", m.lost_bytes);)
MSB_WIRE_FIELDS(SessionListed, f.defaulted("sessions", m.sessions);)
MSB_WIRE_FIELDS(SessionSignal, f.required("session", m.session); f.required("signal", m.signal);)
MSB_WIRE_EMPTY(SessionSignalled)
MSB_WIRE_EMPTY(SessionObserve)
MSB_WIRE_FIELDS(SessionOutput,
    f.required("session", m.session); f.defaulted("tty", m.tty); f.defaulted("error", m.error);
    f.required("data", m.data);)
MSB_WIRE_FIELDS(SessionEnded,
    f.required("session", m.session); f.required("code", m.code); f.omittable("signal", m.signal);)

// clang-format on

MSB_WIRE_CODEC(FlowWindow)
MSB_WIRE_CODEC(SessionNumber)
MSB_WIRE_CODEC(SessionDetach)
MSB_WIRE_CODEC(SessionDetachFailed)
MSB_WIRE_CODEC(SessionDetached)
MSB_WIRE_CODEC(SessionAttach)
MSB_WIRE_CODEC(SessionAttached)
MSB_WIRE_CODEC(SessionFailed)
MSB_WIRE_CODEC(SessionList)
MSB_WIRE_CODEC(SessionListed)
MSB_WIRE_CODEC(SessionSignal)
MSB_WIRE_CODEC(SessionSignalled)
MSB_WIRE_CODEC(SessionObserve)
MSB_WIRE_CODEC(SessionOutput)
MSB_WIRE_CODEC(SessionEnded)

std::string_view to_string(SessionFailure kind) {
    return Names<SessionFailure>::values[static_cast<std::size_t>(kind)];
}

} // namespace msb::wire
