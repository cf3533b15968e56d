// Asking the agent about sessions: each call sends one request and runs the loop until its answer;
// cancelled if somebody else stops the loop before.
#pragma once

#include "client/agent_client.hpp"
#include "wire/session_messages.hpp"

#include <chrono>
#include <variant>
#include <vector>

namespace msb {

inline constexpr std::chrono::seconds session_answer_time{30};

/// Every session of the sandbox, by number: running ones, and kept ones whose end is remembered.
Result<std::vector<wire::SessionInfo>> list_sessions(EventLoop& loop, AgentClient& client);

/// Sends a signal to the session's process group. not_found, or unsupported if it has ended.
Status signal_session(EventLoop& loop, AgentClient& client, std::uint64_t session, int signal);

/// Starts a command that no client owns: its session's number, or why it could not start.
Result<std::variant<std::uint64_t, wire::ExecFailed>>
start_detached(EventLoop& loop, AgentClient& client, wire::ExecRequest request);

} // namespace msb
