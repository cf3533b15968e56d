// A command with our process's own terminal, until it ends or is left.
#pragma once

#include "api/sandbox.hpp"
#include "terminal/detach_keys.hpp"

namespace msb::api {

struct AttachOptions : CommandOptions {
    std::string detach_keys = default_detach_keys; ///< as of parse_detach_keys()
};

struct Attached {
    int code = 0; ///< as a shell has it
    /// It was left with the detach keys, and goes on as this session.
    std::optional<std::uint64_t> session;
};

/// Gives the command stdin, stdout and stderr of our process; stdin must be a terminal, which is in
/// raw mode meanwhile and as before afterwards. An empty `argv` is the sandbox's own command.
/// Errors: invalid_argument, exec_failed, no_default_command, session_lost; cancelled, which ends
/// the command. One at a time of a process makes sense.
Outcome<Attached> attach(Sandbox& sandbox, std::vector<std::string> argv,
                         const AttachOptions& options, Cancel* cancel);

} // namespace msb::api
