#include "mcp/answers.hpp"

#include "mcp/workbench.hpp"

#include <algorithm>
#include <cctype>

namespace msb::mcp {

namespace {

/// For a model: the output first, because that is what it asked for.
std::string readable(const json::Value& result, const std::string& out, const std::string& err) {
    std::string text = out;
    const auto line = [&](const std::string& more) {
        if (!text.empty() && text.back() != '\n')
            text += '\n';
        text += more;
    };
    if (!err.empty())
        line("[stderr]\n" + err);
    if (result.find("timed_out")->boolean() == true)
        line("[timed out]");
    else if (const auto code = result.find("exit_code")->integer(); code != 0)
        line("[exit code " + std::to_string(code.value_or(0)) + "]");
    return text.empty() ? "[no output]" : text;
}

} // namespace

Schema of_sandbox() {
    return Schema().text("sandbox", "Name of the sandbox.").required();
}

std::string status_text(SandboxStatus status) {
    std::string text(to_string(status));
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

json::Value describe(const SandboxView& view) {
    json::Value ports = json::array();
    for (const PublishedPort& port : view.published())
        ports.push_back(port.to_arrow());
    return {{"name", view.spec.name},
            {"status", status_text(view.state.status)},
            {"reason", json::or_null(view.state.reason)},
            {"image", view.spec.image},
            {"cpus", view.spec.cpus},
            {"memory_mib", view.spec.memory_mib},
            {"isolation", json::or_null(view.state.isolation)},
            {"ports", ports},
            {"labels", view.spec.labels}};
}

std::string needed(ffi::Options& arguments, const char* key) {
    const auto value = arguments.optional_text(key);
    if (!value || value->empty())
        arguments.complain("'" + std::string(key) + "' is missing");
    return value.value_or("");
}

api::Outcome<std::shared_ptr<api::Sandbox>> sandbox_of(Call& call, const std::string& name) {
    return call.bench.sandbox(name, &call.cancel);
}

void add_run_options(Schema& schema, bool limited) {
    schema.map("env", "Environment variables over the sandbox's.")
        .text("cwd", "Working directory; default: the sandbox's.")
        .text("user", "USER[:GROUP], names or numbers; default: the sandbox's.");
    if (limited)
        schema.text("stdin", "What the command reads as its input.")
            .number(
                "timeout_ms",
                "After so many milliseconds it is killed; what it wrote until then is returned.");
}

RunOptions run_options(Call& call, bool limited) {
    ffi::Options& arguments = call.arguments;
    RunOptions options;
    options.exec.env = arguments.pairs("env");
    options.exec.cwd = arguments.optional_text("cwd");
    options.exec.user = arguments.optional_text("user");
    if (limited) {
        options.input = arguments.text("stdin");
        const auto timeout = arguments.number("timeout_ms", longest_ms);
        options.exec.timeout = timeout
                                   ? std::chrono::milliseconds(static_cast<std::int64_t>(*timeout))
                                   : call.bench.limits().timeout;
    }
    return options;
}

api::Outcome<Answer> run(Call& call, api::Sandbox& sandbox, RunOptions options) {
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    options.exec.input = as_bytes(options.input);
    const auto exec = MSB_TRY(sandbox.exec(std::move(options.argv), options.exec, &call.cancel));
    Excerpt out(call.bench.limits().max_output), err(call.bench.limits().max_output);
    std::optional<api::ExecEnd> end;
    bool timed_out = false;
    while (!end && !timed_out) {
        auto event = exec->next(&call.cancel);
        if (!event && event.error().kind == api::FailureKind::exec_timeout) {
            timed_out = true;
        } else if (!event) {
            return api::fail(std::move(event).error());
        } else if (const auto* output = std::get_if<api::ExecOutput>(&*event)) {
            (output->error ? err : out).add(output->data);
        } else if (const auto* failed = std::get_if<wire::ExecFailed>(&*event)) {
            return api::fail(
                api::Failure(api::FailureKind::exec_failed, failed->message).of(sandbox.name()));
        } else if (const auto* ended = std::get_if<api::ExecEnd>(&*event)) {
            end = *ended;
        }
    }
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
    Answer answer;
    answer.structured = {{"stdout", out.text()},
                         {"stderr", err.text()},
                         {"exit_code", end ? json::Value(end->code) : json::Value()},
                         {"signal", end ? json::Value(end->signal) : json::Value()},
                         {"timed_out", timed_out},
                         {"truncated", !out.complete() || !err.complete()},
                         {"duration_ms", took.count()}};
    answer.text = readable(answer.structured, out.text(), err.text());
    return answer;
}

} // namespace msb::mcp
