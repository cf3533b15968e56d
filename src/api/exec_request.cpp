#include "api/exec_request.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace msb {

namespace {

std::vector<std::string> environment_of(const SandboxSpec& spec, const CommandOptions& options) {
    SandboxSpec merged;
    merged.env = spec.env;
    for (const SecretSpec& secret : spec.network.tls.secrets.list)
        merged.set_env(secret.env, secret.placeholder);
    for (const auto& [key, value] : options.env)
        merged.set_env(key, value);
    const bool has_term = std::ranges::any_of(
        merged.env, [](const auto& variable) { return variable.first == "TERM"; });
    if (options.tty && !has_term)
        merged.set_env("TERM", options.term);
    std::vector<std::string> list;
    list.reserve(merged.env.size());
    for (const auto& [key, value] : merged.env)
        list.push_back(key + "=" + value);
    return list;
}

} // namespace

std::string terminal_type() {
    const char* term = std::getenv("TERM");
    const bool usable = term != nullptr && *term != '\0' && std::string_view(term) != "dumb";
    return usable ? term : "xterm";
}

std::vector<std::string> default_command(const SandboxSpec& spec) {
    std::vector<std::string> argv = spec.entrypoint;
    argv.insert(argv.end(), spec.cmd.begin(), spec.cmd.end());
    return argv;
}

Result<wire::ExecRequest> exec_request(const SandboxSpec& spec, std::vector<std::string> argv,
                                       const CommandOptions& options) {
    if (argv.empty())
        argv = default_command(spec);
    if (!argv.empty() && argv.front().empty())
        return fail(ErrorKind::invalid_argument, "the command's executable is empty");
    const std::string cwd = options.cwd.value_or(spec.workdir);
    const std::string user = options.user.value_or(spec.user);
    if (!cwd.empty() && cwd[0] != '/')
        return fail(ErrorKind::invalid_argument, "workdir must be an absolute path: " + cwd);
    wire::ExecRequest request;
    if (argv.empty())
        return request;
    request.cmd = argv.front();
    request.args.assign(argv.begin() + 1, argv.end());
    request.env = environment_of(spec, options);
    if (!cwd.empty())
        request.cwd = cwd;
    if (!user.empty())
        request.user = user;
    request.rlimits = options.rlimits;
    request.tty = options.tty;
    request.rows = options.rows;
    request.cols = options.cols;
    return request;
}

} // namespace msb
