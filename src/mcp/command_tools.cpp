// Commands in a sandbox: run to their end, or started and asked for; and a Python that stays.
#include "base/signal_name.hpp"
#include "mcp/answers.hpp"
#include "mcp/python.hpp"
#include "mcp/workbench.hpp"

namespace msb::mcp {

namespace {

constexpr std::uint64_t longest_wait_ms = 60'000;

api::Outcome<Answer> exec(Call& call) {
    const std::string name = needed(call.arguments, "sandbox");
    RunOptions options = run_options(call, true);
    options.argv = {needed(call.arguments, "command")};
    for (std::string& argument : call.arguments.texts("args").value_or(std::vector<std::string>()))
        options.argv.push_back(std::move(argument));
    MSB_TRY(call.arguments.done());
    const auto sandbox = MSB_TRY(sandbox_of(call, name));
    return run(call, *sandbox, std::move(options));
}

api::Outcome<Answer> shell(Call& call) {
    const std::string name = needed(call.arguments, "sandbox");
    RunOptions options = run_options(call, true);
    const std::string script = needed(call.arguments, "script");
    MSB_TRY(call.arguments.done());
    const auto sandbox = MSB_TRY(sandbox_of(call, name));
    options.argv = sandbox->shell_command(script);
    return run(call, *sandbox, std::move(options));
}

api::Outcome<Answer> exec_start(Call& call) {
    const std::string name = needed(call.arguments, "sandbox");
    RunOptions options = run_options(call, false);
    const std::string script = needed(call.arguments, "script");
    MSB_TRY(call.arguments.done());
    const auto sandbox = MSB_TRY(sandbox_of(call, name));
    options.exec.stdin_pipe = true;
    auto started =
        MSB_TRY(sandbox->exec(sandbox->shell_command(script), options.exec, &call.cancel));
    const std::string id = MSB_TRY(call.bench.keep(
        name, std::make_shared<Command>(std::move(started), call.bench.limits().max_output)));
    return Answer{{{"exec", id}}};
}

api::Outcome<Answer> exec_poll(Call& call) {
    const std::string id = needed(call.arguments, "exec");
    const auto wait = call.arguments.number("wait_ms", longest_wait_ms).value_or(0);
    MSB_TRY(call.arguments.done());
    const auto command = MSB_TRY(call.bench.command(id));
    const auto output =
        command->read(Command::Clock::now() + std::chrono::milliseconds(wait), &call.cancel);
    if (output.over())
        call.bench.forget(id);
    Answer answer{{{"stdout", output.out},
                   {"stderr", output.err},
                   {"running", !output.over()},
                   {"exit_code", output.end ? json::Value(output.end->code) : json::Value()},
                   {"error", output.failure ? json::Value(output.failure->error.to_string())
                                            : json::Value()}}};
    return answer;
}

api::Outcome<Answer> exec_write_stdin(Call& call) {
    const std::string id = needed(call.arguments, "exec");
    const std::string data = call.arguments.text("data");
    const bool close = call.arguments.flag("close");
    MSB_TRY(call.arguments.done());
    const auto command = MSB_TRY(call.bench.command(id));
    if (!data.empty())
        MSB_TRY(command->exec().write(as_bytes(data), &call.cancel));
    if (close)
        MSB_TRY(command->exec().close_stdin(&call.cancel));
    return Answer{{{"written", data.size()}, {"closed", close}}};
}

api::Outcome<Answer> exec_signal(Call& call) {
    const std::string id = needed(call.arguments, "exec");
    const std::string text = needed(call.arguments, "signal");
    const auto number = parse_signal(text);
    if (!number)
        call.arguments.complain("no signal: '" + text + "'");
    MSB_TRY(call.arguments.done());
    MSB_TRY(MSB_TRY(call.bench.command(id))->exec().signal(*number, &call.cancel));
    return Answer{{{"sent", *number}}};
}

api::Outcome<Answer> exec_close(Call& call) {
    const std::string id = needed(call.arguments, "exec");
    MSB_TRY(call.arguments.done());
    (void)MSB_TRY(call.bench.command(id));
    call.bench.forget(id);
    return Answer{{{"closed", true}}};
}

Schema of_command() {
    return Schema().text("exec", "What exec_start has returned.").required();
}

} // namespace

std::vector<Tool> command_tools() {
    using Effect = Tool::Effect;
    Schema program = of_sandbox(), script = of_sandbox(), started = of_sandbox();
    program.text("command", "The program.").required().texts("args", "Its arguments.");
    add_run_options(program, true);
    script.text("script", "What the shell of the sandbox runs.").required();
    add_run_options(script, true);
    started.text("script", "What the shell of the sandbox runs.").required();
    add_run_options(started, false);
    return {
        {"exec", "Run a program",
         "Run a program in a sandbox and wait for its end. Returns its output and exit code.",
         Effect::changes, program, exec},
        {"shell", "Run a shell script",
         "Run a shell script in a sandbox and wait for its end. Returns its output and exit code.",
         Effect::changes, script, shell},
        {"python", "Run Python",
         "Run Python code in a sandbox. Variables and imports stay for the next call; the value of "
         "the last expression is returned, beside what was written. Code that takes longer than "
         "timeout_ms is interrupted.",
         Effect::changes,
         of_sandbox()
             .text("code", "Python code.")
             .required()
             .flag("restart", "Begin with a new interpreter.")
             .number("timeout_ms", "After so many milliseconds it is interrupted."),
         run_python},
        {"exec_start", "Start a command",
         "Start a shell script that goes on, such as a server. Ask for its output with exec_poll.",
         Effect::changes, started, exec_start},
        {"exec_poll", "Output of a started command",
         "What a started command has written since the last call, and whether it still runs.",
         Effect::changes,
         of_command().number("wait_ms", "Wait so long for output or its end; at most 60000."),
         exec_poll},
        {"exec_write_stdin", "Input of a started command", "Write to a started command's input.",
         Effect::changes,
         of_command().text("data", "What is written.").flag("close", "Its input ends then."),
         exec_write_stdin},
        {"exec_signal", "Signal a started command", "Send a signal to a started command.",
         Effect::changes, of_command().text("signal", "\"TERM\", \"INT\", \"9\" ...").required(),
         exec_signal},
        {"exec_close", "End a started command", "End a started command and forget its output.",
         Effect::destroys, of_command(), exec_close},
    };
}

} // namespace msb::mcp
