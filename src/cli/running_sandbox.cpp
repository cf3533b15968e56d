#include "cli/running_sandbox.hpp"

#include "base/time.hpp"
#include "wire/exit_code.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace msb::cli {

Result<AgentConnection> connect_running(Session& session, const std::string& name) {
    const auto view = MSB_TRY(session.sandboxes().get(name));
    if (!is_active(view.state.status))
        return fail(
            Error(ErrorKind::unreachable, "sandbox '" + name + "' is not running (status: " +
                                              std::string(to_string(view.state.status)) + ")")
                .with_hint("sessions end with their sandbox; what they wrote is in "
                           "`msb logs " +
                           name + "`"));
    AgentConnection connection;
    connection.loop = MSB_TRY(EventLoop::create());
    connection.client = MSB_TRY(session.connect_agent(*connection.loop, name));
    connection.guard = MSB_TRY(session.stop_at_signal(*connection.loop));
    return connection;
}

Result<std::uint64_t> parse_session(const std::string& text, const std::string& sandbox) {
    std::uint64_t id = 0;
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, id);
    if (error == std::errc() && end == last && id > 0)
        return id;
    return fail(Error(ErrorKind::invalid_argument, "invalid session id: " + text)
                    .with_hint("see `msb sessions " + sandbox + "`"));
}

Result<wire::SessionInfo> find_session(const AgentConnection& connection, std::uint64_t id,
                                       const std::string& sandbox) {
    const auto sessions = MSB_TRY(list_sessions(*connection.loop, *connection.client));
    const auto found = std::ranges::find(sessions, id, &wire::SessionInfo::session);
    if (found != sessions.end())
        return *found;
    return fail(Error(ErrorKind::not_found, fmt::format("session not found: {}", id))
                    .with_hint("see `msb sessions " + sandbox + "`"));
}

std::string command_line(const wire::SessionInfo& info) {
    std::string text;
    for (const std::string& word : info.command)
        text += (text.empty() ? "" : " ") + word;
    constexpr std::size_t shown = 60;
    return text.size() > shown ? text.substr(0, shown - 3) + "..." : text;
}

std::string_view state_of(const wire::SessionInfo& info) {
    if (info.ended_at_ns)
        return "exited";
    return info.attached ? "attached" : "detached";
}

std::optional<int> exit_of(const wire::SessionInfo& info) {
    if (!info.code)
        return std::nullopt;
    return wire::exit_code_of(wire::ExecExited{*info.code, info.signal});
}

json::Value to_json(const wire::SessionInfo& info) {
    const auto time = [](std::int64_t ns) { return json::Value(format_rfc3339(ns, 9, "+00:00")); };
    return {{"id", info.session},
            {"pid", info.pid},
            {"command", info.command},
            {"tty", info.tty},
            {"state", state_of(info)},
            {"kept", info.kept},
            {"started_at", time(info.started_at_ns)},
            {"ended_at", info.ended_at_ns ? time(*info.ended_at_ns) : json::Value()},
            {"exit_code", exit_of(info)},
            {"signal", info.signal},
            {"kept_bytes", info.kept_bytes},
            {"lost_bytes", info.lost_bytes}};
}

} // namespace msb::cli
