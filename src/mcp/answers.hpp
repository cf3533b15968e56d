// Pieces of answers that several tools give.
#pragma once

#include "api/sandbox.hpp"
#include "mcp/tool.hpp"

namespace msb::mcp {

/// The longest time limit of a command.
inline constexpr std::uint64_t longest_ms = std::uint64_t{24} * 3600 * 1000;

/// The argument "sandbox".
Schema of_sandbox();
/// "running", ...
std::string status_text(SandboxStatus status);
json::Value describe(const SandboxView& view);
/// Text that has to be there.
std::string needed(ffi::Options& arguments, const char* key);
/// The sandbox that the argument "sandbox" names, connected.
api::Outcome<std::shared_ptr<api::Sandbox>> sandbox_of(Call& call, const std::string& name);

struct RunOptions {
    std::vector<std::string> argv;
    api::Sandbox::ExecOptions exec;
    std::string input;
};
/// What a command takes beside what it runs; `argv` is left to the tool. `limited`: it has a time limit.
RunOptions run_options(Call& call, bool limited);
void add_run_options(Schema& schema, bool limited);
/// Runs a command to its end or time limit: what it wrote, cut to the limit, and how it ended.
api::Outcome<Answer> run(Call& call, api::Sandbox& sandbox, RunOptions options);

} // namespace msb::mcp
