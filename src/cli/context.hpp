#pragma once

#include "base/log.hpp"
#include "base/result.hpp"
#include "sandbox/home.hpp"

#include <optional>
#include <string>
#include <vector>

namespace msb::cli {

/// What every command gets. A command stores its exit code here; main returns it.
struct Context {
    log::Level log_level = log::Level::off; ///< --error ... --trace
    int exit_code = 0;
    /// What follows "--": the command for the sandbox. None if there was no "--".
    std::optional<std::vector<std::string>> command;

    /// MSB_HOME, resolved and created on first use, so that `--help` needs none.
    Result<Home> home();
    Result<Installation> installation() const { return Installation::locate(); }

  private:
    std::optional<Home> home_;
};

/// Runs a command's body: an error is printed and becomes exit code 1.
template <typename Body> void run_command(Context& context, Body body);

/// Exit codes that scripts rely on (spec: 0 success, 1 failure, 2 bad usage, else the guest's).
inline constexpr int exit_failure = 1;
inline constexpr int exit_usage = 2;

void report(Context& context, const Error& error);

template <typename Body> void run_command(Context& context, Body body) {
    const Status done = body();
    if (!done)
        report(context, done.error());
}

} // namespace msb::cli
