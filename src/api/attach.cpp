#include "api/attach.hpp"

#include "terminal/foreground.hpp"

#include <unistd.h>

namespace msb::api {

namespace {

Outcome<Attached> outcome_of(ForegroundResult& result) {
    if (result.lost)
        return fail(Failure(FailureKind::session_lost,
                            Error(*result.lost).wrap("the sandbox ended before the command")));
    if (result.gave_up)
        return fail(FailureKind::session_lost, "the sandbox's agent does not answer");
    if (result.stream_error)
        return fail(Failure(std::move(*result.stream_error)));
    if (result.failed) {
        Failure failure(FailureKind::exec_failed, result.failed->message);
        failure.exec = std::move(result.failed);
        return fail(std::move(failure));
    }
    if (result.refused)
        return fail(FailureKind::unsupported,
                    "the command cannot be left: " + result.refused->message);
    return Attached{result.exit_code, result.detached};
}

} // namespace

Outcome<Attached> attach(Sandbox& sandbox, std::vector<std::string> argv,
                         const AttachOptions& options, Cancel* cancel) {
    if (::isatty(STDIN_FILENO) != 1)
        return fail(FailureKind::invalid_argument,
                    "stdin is no terminal: exec runs a command without one");
    ForegroundOptions foreground;
    foreground.detach_keys = MSB_TRY(parse_detach_keys(options.detach_keys));
    foreground.attach_terminal = true;
    foreground.request = MSB_TRY(sandbox.terminal_request(std::move(argv), options));
    Connection connection = MSB_TRY(sandbox.connections()->take(cancel));
    EventLoop& loop = *connection.loop;
    const Cancel::Wake wake(cancel, [&loop] { loop.post([&loop] { loop.stop(); }); });
    auto result = MSB_TRY(run_attached(loop, *connection.client, nullptr, std::move(foreground)));
    if (cancel != nullptr && cancel->triggered() && !result.detached)
        return fail(FailureKind::cancelled, "cancelled");
    return outcome_of(result);
}

} // namespace msb::api
