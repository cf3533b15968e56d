// What the commands about sessions of a running sandbox share: msb sessions, attach, signal, jobs,
// wait --job.
#pragma once

#include "cli/context.hpp"
#include "cli/session.hpp"
#include "client/session_control.hpp"
#include "json/value.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace msb::cli {

/// A running sandbox's agent.
struct AgentConnection {
    std::unique_ptr<EventLoop> loop;
    std::unique_ptr<AgentClient> client;
    SignalGuard guard; ///< a signal ends the waiting for an answer
};

/// Starts nothing: sessions end with their sandbox.
Result<AgentConnection> connect_running(Session& session, const std::string& name);

/// The number of a session. The parser's own numbers silently stop at the largest one.
Result<std::uint64_t> parse_session(const std::string& text, const std::string& sandbox);
/// Among all that the agent knows.
Result<wire::SessionInfo> find_session(const AgentConnection& connection, std::uint64_t id,
                                       const std::string& sandbox);

std::string command_line(const wire::SessionInfo& info);
std::string_view state_of(const wire::SessionInfo& info);
std::optional<int> exit_of(const wire::SessionInfo& info);
json::Value to_json(const wire::SessionInfo& info);

/// Runs a command's body with a session. A signal that ended its waiting is an exit code, not an
/// error.
template <typename Body>
void run_with_session(Context& context, const std::string& name, Body body) {
    run_command(context, [&]() -> Status {
        Session session = MSB_TRY(Session::open(context, true));
        SandboxSpec named;
        named.name = name;
        if (const Status done = body(session); !done)
            session.report_failure(context, done.error(), named);
        return {};
    });
}

/// Waits until the session has ended, and takes its exit code for ours. `format` is "json" or
/// empty.
Status wait_for_job(Context& context, Session& session, const std::string& sandbox,
                    const std::string& job, std::chrono::milliseconds timeout,
                    const std::string& format);

} // namespace msb::cli
