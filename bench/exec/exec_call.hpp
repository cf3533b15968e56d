// One command of a connection as a library call, for the benchmarks.
#pragma once

#include "client/exec_session.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace msb {

/// Milliseconds from the request to the exit event.
inline Result<double> run_command(EventLoop& loop, AgentClient& client,
                                  const wire::ExecRequest& request) {
    Status outcome;
    const auto done = [&](Status status) {
        outcome = std::move(status);
        loop.stop();
    };
    ExecEvents events;
    events.started = [](std::uint32_t) {};
    events.out = events.err = [](BytesView) {};
    events.stdin_error = [](const wire::ExecStdinError&) {};
    events.exited = [&](const wire::ExecExited& exited) {
        done(exited.code == 0 ? Status() : fail(ErrorKind::system, "the command failed"));
    };
    events.failed = [&](const wire::ExecFailed& failed) {
        done(fail(ErrorKind::system, failed.message));
    };
    events.broken = [&](const Error& error) { done(fail(error)); };
    using Clock = std::chrono::steady_clock;
    const auto begun = Clock::now();
    ExecSession session(client, request, std::move(events));
    MSB_TRY(loop.run());
    MSB_TRY(std::move(outcome));
    return std::chrono::duration<double, std::milli>(Clock::now() - begun).count();
}

inline wire::ExecRequest command(std::string cmd, std::vector<std::string> args) {
    wire::ExecRequest request;
    request.cmd = std::move(cmd);
    request.args = std::move(args);
    request.env = {"PATH=/bin:/usr/bin"};
    return request;
}

inline double percentile(std::vector<double> values, double part) {
    std::ranges::sort(values);
    return values[std::min(values.size() - 1,
                           static_cast<std::size_t>(part * static_cast<double>(values.size())))];
}

} // namespace msb
