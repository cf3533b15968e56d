// What the guest is asked to run: a caller's options for one command, merged over the sandbox's
// own.
#pragma once

#include "base/result.hpp"
#include "spec/spec.hpp"
#include "wire/messages.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace msb {

struct CommandOptions {
    std::vector<std::pair<std::string, std::string>> env; ///< over the sandbox's
    std::optional<std::string> cwd;
    std::optional<std::string> user;
    std::vector<wire::Rlimit> rlimits;
    bool tty = false;
    std::uint16_t rows = 24;
    std::uint16_t cols = 80;
    /// TERM for a command with a terminal, unless the sandbox or `env` has one.
    std::string term = "xterm";
};

/// The caller's own TERM, if it is one that programs understand.
std::string terminal_type();

/// The sandbox's own command: ENTRYPOINT and CMD. Empty if it has none.
std::vector<std::string> default_command(const SandboxSpec& spec);

/// An empty `argv` means the sandbox's own command; the result's `cmd` is empty if it has none.
/// invalid_argument for a command that no guest could run.
Result<wire::ExecRequest> exec_request(const SandboxSpec& spec, std::vector<std::string> argv,
                                       const CommandOptions& options);

} // namespace msb
