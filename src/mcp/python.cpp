#include "mcp/python.hpp"

#include "json/reader.hpp"
#include "json/text.hpp"
#include "mcp/answers.hpp"
#include "mcp/workbench.hpp"

namespace msb::mcp {

namespace {

using Clock = Command::Clock;

/// What an interpreter has that was interrupted, to say so.
constexpr std::chrono::seconds interrupt_grace{2};

/// Reads a JSON object a line, {"code", "name", "most"}, and answers with one. What the code and its
/// children write goes to files meanwhile, because only lines of ours may be on the standard output.
constexpr const char* program = R"(
import ast, json, linecache, os, sys, tempfile, traceback

requests = os.fdopen(os.dup(0), "rb")
answers = os.fdopen(os.dup(1), "wb")
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
names = {"__name__": "__main__", "__builtins__": __builtins__}

def evaluate(code, name):
    linecache.cache[name] = (len(code), None, code.splitlines(True), name)
    tree = ast.parse(code, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), names)
    if last is None:
        return None
    value = eval(compile(ast.Expression(last.value), name, "eval"), names)
    if value is None:
        return None
    names["_"] = value
    return repr(value)

def excerpt(file, most):
    size = file.seek(0, 2)
    file.seek(0)
    if size <= most:
        return file.read().decode("utf-8", "replace"), False
    begin = file.read(most // 2)
    file.seek(size - most // 2)
    middle = "\n[%d bytes left out]\n" % (size - most // 2 * 2)
    return begin.decode("utf-8", "replace") + middle + file.read().decode("utf-8", "replace"), True

while line := requests.readline():
    request = json.loads(line)
    files = [tempfile.TemporaryFile(), tempfile.TemporaryFile()]
    for number, file in zip((1, 2), files):
        os.dup2(file.fileno(), number)
    answer = {"result": None, "error": None}
    try:
        answer["result"] = evaluate(request["code"], request["name"])
        if answer["result"] and len(answer["result"]) > request["most"]:
            answer["result"] = answer["result"][:request["most"]] + "..."
    except BaseException as error:
        trace = error.__traceback__
        while trace and trace.tb_frame.f_code.co_filename == "<string>":
            trace = trace.tb_next
        answer["error"] = "".join(traceback.format_exception(type(error), error, trace))[-request["most"]:]
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass
    answer["stdout"], out = excerpt(files[0], request["most"])
    answer["stderr"], err = excerpt(files[1], request["most"])
    answer["truncated"] = out or err
    answers.write(json.dumps(answer).encode() + b"\n")
    answers.flush()
    for file in files:
        file.close()
)";

api::Outcome<std::shared_ptr<Command>> start(Call& call, const std::string& name) {
    const auto sandbox = MSB_TRY(sandbox_of(call, name));
    api::Sandbox::ExecOptions options;
    options.stdin_pipe = true;
    auto exec = MSB_TRY(sandbox->exec({"python3", "-u", "-c", program}, options, &call.cancel));
    // Text and result may each be as long, and JSON makes some characters six.
    return std::make_shared<Command>(std::move(exec), 32 * call.bench.limits().max_output);
}

std::unexpected<api::Failure> lost(Command& python, const std::string& name) {
    const auto output = python.read(Clock::now(), nullptr);
    if (output.failure && output.failure->kind == api::FailureKind::exec_failed)
        return api::fail(api::Failure(
            api::FailureKind::exec_failed,
            Error(ErrorKind::not_found,
                  "sandbox '" + name + "' cannot run python3: " + output.failure->error.message())
                .with_hint("create it from an image that has Python, such as python:3.12")));
    if (output.failure)
        return api::fail(*output.failure);
    return api::fail(api::FailureKind::session_lost,
                     "the interpreter has ended; the next call starts a new one");
}

/// The answer is the guest's: anything may be in it.
Result<Answer> read_answer(const std::string& line) {
    const json::Value document = MSB_TRY_WRAP(json::parse(line), "the interpreter's answer");
    json::Reader answer(document);
    std::string out, err;
    std::optional<std::string> result, error;
    bool truncated = false;
    answer.get("stdout", out);
    answer.get("stderr", err);
    answer.get("result", result);
    answer.get("error", error);
    answer.get("truncated", truncated);
    MSB_TRY_WRAP(answer.status(), "the interpreter's answer");
    Answer found{{{"stdout", out},
                  {"stderr", err},
                  {"result", result},
                  {"error", error},
                  {"truncated", truncated},
                  {"timed_out", false}}};
    for (const std::string& part : {out, err, result.value_or(""), error.value_or("")}) {
        if (part.empty())
            continue;
        if (!found.text.empty() && found.text.back() != '\n')
            found.text += '\n';
        found.text += part;
    }
    if (found.text.empty())
        found.text = "[no output]";
    return found;
}

} // namespace

api::Outcome<Answer> run_python(Call& call) {
    const std::string name = needed(call.arguments, "sandbox");
    const std::string code = needed(call.arguments, "code");
    const bool restart = call.arguments.flag("restart");
    const auto timeout = call.arguments.number("timeout_ms", longest_ms);
    MSB_TRY(call.arguments.done());
    const auto limit = timeout ? std::chrono::milliseconds(static_cast<std::int64_t>(*timeout))
                               : call.bench.limits().timeout;

    const auto interpreter = call.bench.interpreter(name);
    const std::lock_guard turn(interpreter->turn);
    auto& python = interpreter->command;
    if (restart || (python && python->over()))
        python.reset();
    if (!python)
        python = MSB_TRY(start(call, name));

    const json::Value request = {{"code", code},
                                 {"name", "<cell " + std::to_string(++interpreter->cells) + ">"},
                                 {"most", call.bench.limits().max_output}};
    MSB_TRY(python->exec().write(as_bytes(json::to_text(request) + "\n"), &call.cancel));
    auto line = python->read_line(Clock::now() + limit, &call.cancel);
    const bool too_late = !line && !python->over();
    if (too_late) {
        // As Ctrl-C in a notebook: the names stay, if the code lets itself be interrupted.
        (void)python->exec().signal(SIGINT, nullptr);
        line = python->read_line(Clock::now() + interrupt_grace, nullptr);
    }
    if (!line) {
        const auto ended = std::exchange(python, nullptr);
        return too_late ? api::fail(api::FailureKind::exec_timeout,
                                    "the code could not be interrupted: the interpreter was ended")
                        : lost(*ended, name);
    }
    auto answer = read_answer(*line);
    if (!answer) {
        python.reset();
        return api::fail(std::move(answer).error());
    }
    answer->structured["timed_out"] = too_late;
    return *answer;
}

} // namespace msb::mcp
