#include "wire/exec_messages.hpp"

#include "wire/codec.hpp"
#include "wire/rlimit_fields.hpp"

namespace msb::wire {

// clang-format off

MSB_WIRE_FIELDS(ExecRequest,
    f.required("cmd", m.cmd);
    f.defaulted("args", m.args);
    f.defaulted("env", m.env);
    f.nullable("cwd", m.cwd);
    f.nullable("user", m.user);
    f.defaulted("tty", m.tty);
    f.defaulted("rows", m.rows);
    f.defaulted("cols", m.cols);
    f.defaulted("rlimits", m.rlimits);
    f.omittable("flow", m.flow);
    f.omittable("detach", m.detach);)
MSB_WIRE_FIELDS(ExecStarted, f.required("pid", m.pid); f.omittable("session", m.session);)
MSB_WIRE_FIELDS(ExecStdinError,
    f.nullable("errno", m.sys_errno);
    f.nullable("errno_name", m.errno_name);
    f.defaulted("message", m.message);)
MSB_WIRE_FIELDS(ExecExited, f.required("code", m.code); f.omittable("signal", m.signal);)
template <> struct Names<ExecFailure> {
    static constexpr std::array<std::string_view, 10> values = {
        "not_found", "permission_denied", "not_executable", "bad_cwd", "bad_args",
        "resource_limit", "user_setup_failed", "out_of_memory", "pty_setup_failed", "other"};
    static constexpr auto fallback = ExecFailure::other;
};
MSB_WIRE_FIELDS(ExecFailed,
    f.required("kind", m.kind);
    f.nullable("errno", m.sys_errno);
    f.nullable("errno_name", m.errno_name);
    f.defaulted("message", m.message);
    f.nullable("stage", m.stage);)
MSB_WIRE_FIELDS(ExecResize, f.required("rows", m.rows); f.required("cols", m.cols);)
MSB_WIRE_FIELDS(ExecSignal, f.required("signal", m.signal);)

// clang-format on

MSB_WIRE_CODEC(ExecRequest)
MSB_WIRE_CODEC(ExecStarted)
MSB_WIRE_DATA_CODEC(ExecStdin)
MSB_WIRE_DATA_CODEC(ExecStdout)
MSB_WIRE_DATA_CODEC(ExecStderr)
MSB_WIRE_CODEC(ExecStdinError)
MSB_WIRE_CODEC(ExecExited)
MSB_WIRE_CODEC(ExecFailed)
MSB_WIRE_CODEC(ExecResize)
MSB_WIRE_CODEC(ExecSignal)

std::string_view to_string(ExecFailure kind) {
    return Names<ExecFailure>::values[static_cast<std::size_t>(kind)];
}

} // namespace msb::wire
