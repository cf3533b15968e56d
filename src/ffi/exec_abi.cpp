// Commands.
#include "ffi/abi.hpp"

namespace msb::ffi {

namespace {

json::Value failed_json(const wire::ExecFailed& failed) {
    return {{"event", "failed"},         {"exec_kind", to_string(failed.kind)},
            {"errno", failed.sys_errno}, {"errno_name", failed.errno_name},
            {"stage", failed.stage},     {"message", failed.message}};
}

json::Value end_json(const api::ExecEnd& end) {
    return {{"exit_code", end.code}, {"signal", end.signal}};
}

json::Value event_json(const api::ExecEvent& event) {
    if (const auto* started = std::get_if<api::ExecStarted>(&event))
        return {{"event", "started"}, {"pid", started->pid}};
    if (const auto* output = std::get_if<api::ExecOutput>(&event))
        return {{"event", output->error ? "stderr" : "stdout"}};
    if (const auto* error = std::get_if<wire::ExecStdinError>(&event))
        return {{"event", "stdin_error"},
                {"errno", error->sys_errno},
                {"errno_name", error->errno_name},
                {"message", error->message}};
    if (const auto* end = std::get_if<api::ExecEnd>(&event)) {
        json::Value result = end_json(*end);
        result["event"] = "exited";
        return result;
    }
    if (const auto* failed = std::get_if<wire::ExecFailed>(&event))
        return failed_json(*failed);
    return {{"event", "done"}};
}

/// The words of a request: none for the sandbox's own command.
Outcome<std::vector<std::string>> words_of(const api::Sandbox& sandbox, const char* command,
                                           bool shell, const std::vector<std::string>& args) {
    std::vector<std::string> words;
    if (command == nullptr) {
        if (shell || !args.empty())
            return api::fail(FailureKind::invalid_argument, "'args' and 'shell' need a command");
        return words;
    }
    if (shell) {
        words = sandbox.shell_command(command);
        if (!args.empty())
            words.emplace_back(command); // $0, then $1 ...
    } else {
        words.emplace_back(command);
    }
    words.insert(words.end(), args.begin(), args.end());
    return words;
}

Outcome<void> give_collected(api::Exec& exec, std::size_t max_output, api::Cancel* cancel,
                             char** result, std::uint8_t** out, std::size_t* out_size,
                             std::uint8_t** err, std::size_t* err_size) {
    const api::Collected collected = MSB_TRY(api::collect(exec, max_output, cancel));
    give(result, end_json(collected.end));
    give(out, out_size, collected.out);
    give(err, err_size, collected.err);
    return {};
}

/// A call on a running command.
template <typename Body>
char* call_exec(std::uint64_t cancel, std::uint64_t exec, Body body) noexcept {
    return call([&]() -> Outcome<void> {
        const CallCancel cancelling(cancel);
        MSB_TRY(cancelling.check());
        const auto found = MSB_TRY(find<api::Exec>(exec));
        return body(*found, cancelling.get());
    });
}

} // namespace

} // namespace msb::ffi

using namespace msb;
using namespace msb::ffi;

MSB_API char* msb_sandbox_exec(std::uint64_t cancel, std::uint64_t sandbox, const char* command,
                               const char* options, const std::uint8_t* input,
                               std::size_t input_size, char** result, std::uint8_t** out,
                               std::size_t* out_size, std::uint8_t** err, std::size_t* err_size) {
    return call([&]() -> Outcome<void> {
        const CallCancel cancelling(cancel);
        MSB_TRY(cancelling.check());
        MSB_TRY(locate_installation());
        const auto found = MSB_TRY(find<api::Sandbox>(sandbox));
        auto request = MSB_TRY(exec_options(options, false));
        request.exec.input = argument_bytes(input, input_size);
        const auto exec =
            MSB_TRY(found->exec(MSB_TRY(words_of(*found, command, request.shell, request.argv)),
                                request.exec, cancelling.get()));
        return give_collected(*exec, request.max_output, cancelling.get(), result, out, out_size,
                              err, err_size);
    });
}

MSB_API char* msb_sandbox_exec_stream(std::uint64_t cancel, std::uint64_t sandbox,
                                      const char* command, const char* options,
                                      const std::uint8_t* input, std::size_t input_size,
                                      std::uint64_t* exec) {
    return call([&]() -> Outcome<void> {
        const CallCancel cancelling(cancel);
        MSB_TRY(cancelling.check());
        MSB_TRY(locate_installation());
        if (exec == nullptr)
            return api::fail(FailureKind::invalid_argument, "exec is NULL");
        const auto found = MSB_TRY(find<api::Sandbox>(sandbox));
        auto request = MSB_TRY(exec_options(options, true));
        request.exec.input = argument_bytes(input, input_size);
        *exec = add_object(
            MSB_TRY(found->exec(MSB_TRY(words_of(*found, command, request.shell, request.argv)),
                                request.exec, cancelling.get())));
        return {};
    });
}

MSB_API char* msb_sandbox_attach(std::uint64_t cancel, std::uint64_t sandbox, const char* command,
                                 const char* options, char** result) {
    return call([&]() -> Outcome<void> {
        const CallCancel cancelling(cancel);
        MSB_TRY(cancelling.check());
        MSB_TRY(locate_installation());
        const auto found = MSB_TRY(find<api::Sandbox>(sandbox));
        const auto request = MSB_TRY(attach_options(options));
        auto words = command == nullptr && request.shell && request.argv.empty()
                         ? std::vector{found->spec().shell}
                         : MSB_TRY(words_of(*found, command, request.shell, request.argv));
        const api::Attached end =
            MSB_TRY(api::attach(*found, std::move(words), request.attach, cancelling.get()));
        give(result, {{"exit_code", end.session ? -1 : end.code}, {"session", end.session}});
        return {};
    });
}

MSB_API char* msb_exec_recv(std::uint64_t cancel, std::uint64_t exec, char** event,
                            std::uint8_t** data, std::size_t* size) {
    return call_exec(cancel, exec, [&](api::Exec& found, api::Cancel* cancelling) -> Outcome<void> {
        const api::ExecEvent next = MSB_TRY(found.next(cancelling));
        give(event, event_json(next));
        if (data != nullptr)
            *data = nullptr;
        if (size != nullptr)
            *size = 0;
        if (const auto* output = std::get_if<api::ExecOutput>(&next))
            give(data, size, output->data);
        return {};
    });
}

MSB_API char* msb_exec_stdin_write(std::uint64_t cancel, std::uint64_t exec,
                                   const std::uint8_t* data, std::size_t size) {
    return call_exec(cancel, exec, [&](api::Exec& found, api::Cancel* cancelling) {
        return found.write(argument_bytes(data, size), cancelling);
    });
}

MSB_API char* msb_exec_stdin_close(std::uint64_t cancel, std::uint64_t exec) {
    return call_exec(cancel, exec, [](api::Exec& found, api::Cancel* cancelling) {
        return found.close_stdin(cancelling);
    });
}

MSB_API char* msb_exec_signal(std::uint64_t cancel, std::uint64_t exec, std::int32_t signal) {
    return call_exec(cancel, exec, [&](api::Exec& found, api::Cancel* cancelling) -> Outcome<void> {
        if (signal < 1 || signal > 64)
            return api::fail(FailureKind::invalid_argument, "no signal: " + std::to_string(signal));
        return found.signal(signal, cancelling);
    });
}

MSB_API char* msb_exec_resize(std::uint64_t cancel, std::uint64_t exec, std::uint16_t rows,
                              std::uint16_t cols) {
    return call_exec(cancel, exec, [&](api::Exec& found, api::Cancel* cancelling) {
        return found.resize(rows, cols, cancelling);
    });
}

MSB_API char* msb_exec_collect(std::uint64_t cancel, std::uint64_t exec, const char* options,
                               char** result, std::uint8_t** out, std::size_t* out_size,
                               std::uint8_t** err, std::size_t* err_size) {
    return call_exec(cancel, exec, [&](api::Exec& found, api::Cancel* cancelling) -> Outcome<void> {
        Options given(options);
        const auto most = given.number("max_output_bytes", std::uint64_t{1} << 40);
        MSB_TRY(given.done());
        return give_collected(found, most.value_or(ExecRequestOptions().max_output), cancelling,
                              result, out, out_size, err, err_size);
    });
}

MSB_API void msb_exec_close(std::uint64_t exec) {
    const PipeSignalGuard guard;
    if (const auto found = take<api::Exec>(exec))
        (*found)->close();
}
