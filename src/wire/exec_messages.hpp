// core.exec.*: commands, and their input and output.
#pragma once

#include "wire/bootstrap.hpp"
#include "wire/message.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msb::wire {

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

} // namespace msb::wire
