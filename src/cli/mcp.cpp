// msb mcp: becomes the program that serves a model's client.
#include "base/installation.hpp"
#include "base/process.hpp"
#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/parser.hpp"
#include "mcp/config.hpp"

#include <filesystem>
#include <memory>
#include <unistd.h>

namespace msb::cli {

namespace {

struct McpOptions {
    std::vector<std::string> allowed;
    std::uint64_t max_output_kib = 1024;
    std::uint64_t timeout_seconds = 120;
    std::optional<std::string> http;
    std::string token_file;
};

Result<std::string> directory(const std::string& path) {
    std::error_code error;
    const auto real = std::filesystem::canonical(path, error);
    if (!error && std::filesystem::is_directory(real, error))
        return real.string();
    return fail(ErrorKind::invalid_argument,
                "--allow-dir '" + path + "': " + (error ? error.message() : "not a directory"));
}

/// "PORT" or "ADDRESS:PORT".
Result<Endpoint> listening_place(const std::string& text) {
    const auto colon = text.rfind(':');
    std::string host = colon == std::string::npos ? "127.0.0.1" : text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    if (host == "localhost")
        host = "127.0.0.1";
    const auto port = parse_port(text.substr(colon == std::string::npos ? 0 : colon + 1));
    const auto address = IpAddress::parse(host);
    if (!port || !address)
        return fail(ErrorKind::invalid_argument,
                    "--http '" + text + "' is neither PORT nor ADDRESS:PORT");
    return Endpoint{*address, *port};
}

Status serve(Context& context, const McpOptions& options) {
    (void)MSB_TRY(context.home());
    mcp::Config config;
    config.prefix = MSB_TRY(installation_prefix());
    for (const std::string& path : options.allowed)
        config.limits.allowed.push_back(MSB_TRY(directory(path)));
    config.limits.max_output = options.max_output_kib << 10;
    config.limits.timeout = std::chrono::seconds(options.timeout_seconds);
    if (options.http)
        config.http = MSB_TRY(listening_place(*options.http));
    config.token_file = options.token_file;
    const std::string program = MSB_TRY(libexec_program("mcp"));
    const std::string document = config.to_json();
    ::execl(program.c_str(), program.c_str(), document.c_str(), nullptr);
    return fail(explain_execve(fail_errno("execve", program).error(), program));
}

} // namespace

void add_mcp(Command& parent, Context& context) {
    parent.add(
        "mcp", "Serve sandboxes as tools to a model's client (Model Context Protocol)", group_other,
        [&context](Command& command) {
            auto options = std::make_shared<McpOptions>();
            command
                .option("--allow-dir", &options->allowed,
                        "DIR: tools may read, write and mount what is in there (repeatable; "
                        "default: nothing of this machine)")
                .names(ValueOf::directory);
            command
                .option("--max-output", &options->max_output_kib,
                        "KiB of output that a call returns; longer output is cut in the middle")
                .within(1, 65536)
                .shows_default();
            command
                .option("--timeout", &options->timeout_seconds,
                        "Seconds after which a command is killed that says nothing else")
                .within(1, 86400)
                .shows_default();
            const Option http =
                command.option("--http", &options->http,
                               "[ADDRESS:]PORT: serve HTTP on the loopback in place of stdin and "
                               "stdout; 0: a port that is free");
            command
                .option(
                    "--token-file", &options->token_file,
                    "Has the token that HTTP clients show; made if it is missing (default: a new "
                    "one, which is printed)")
                .needs(http);
            command.action([&context, options] {
                run_command(context, [&] { return serve(context, *options); });
            });
        });
}

} // namespace msb::cli
