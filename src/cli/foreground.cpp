#include "cli/foreground.hpp"

#include "cli/output.hpp"

#include <fmt/format.h>

namespace msb::cli {

namespace {

void show_refusal(const wire::SessionFailed& refused) {
    std::vector<std::string> hints;
    if (refused.kind == wire::SessionFailure::busy)
        hints.emplace_back("take it over with --steal");
    print_error("cannot attach: " + refused.message, hints);
}

} // namespace

std::string lost_session_hint(const std::string& name) {
    return "the guest was ended or powered itself off: `msb status " + name + "` says more";
}

void show_exec_failure(const std::string& command, const wire::ExecFailed& failed) {
    static constexpr const char* not_found_hint =
        "check the spelling, or that the image has this program on its PATH";
    std::vector<std::string> hints;
    hints.push_back(fmt::format("{}: {}{}", to_string(failed.kind), failed.message,
                                failed.errno_name ? " (" + *failed.errno_name + ")" : ""));
    switch (failed.kind) {
    case wire::ExecFailure::not_found: hints.emplace_back(not_found_hint); break;
    case wire::ExecFailure::permission_denied:
        hints.emplace_back("the file is not executable for this user (chmod +x)");
        break;
    case wire::ExecFailure::not_executable:
        hints.emplace_back("not a program for this machine, or a script without an interpreter");
        break;
    case wire::ExecFailure::bad_cwd:
        hints.emplace_back("choose another directory with --workdir");
        break;
    case wire::ExecFailure::user_setup_failed:
        hints.emplace_back("users come from the image's /etc/passwd; numeric ids always work");
        break;
    default: break;
    }
    print_error("failed to exec \"" + command + "\"", hints);
}

Result<ForegroundResult> run_foreground(EventLoop& loop, AgentClient& client, SignalWatch& signals,
                                        ForegroundOptions options) {
    const std::string command = options.request.cmd;
    const auto timeout = options.timeout;
    options.output_lost = [](std::uint64_t bytes) {
        print_stderr(
            fmt::format("[{} of earlier output are not kept any more]\r\n", format_bytes(bytes)));
    };
    auto result = MSB_TRY(run_attached(loop, client, &signals, std::move(options)));
    if (result.timed_out)
        print_error("exec timed out after " + format_duration(*timeout));
    else if (result.gave_up)
        print_error("the sandbox's agent does not answer: its command is given up");
    else if (result.stream_error)
        print_error(*result.stream_error);
    else if (result.failed)
        show_exec_failure(command, *result.failed);
    else if (result.refused)
        show_refusal(*result.refused);
    return result;
}

} // namespace msb::cli
