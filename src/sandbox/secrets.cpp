#include "sandbox/secrets.hpp"

#include "base/file.hpp"
#include "base/process.hpp"
#include "base/system.hpp"
#include "json/text.hpp"
#include "json/yaml.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>

namespace msb {

namespace {

constexpr std::size_t longest_value = std::size_t{64} << 10;
constexpr std::chrono::seconds command_time{30};

/// What a command writes. It is the user's own, with the user's environment and terminal.
Result<std::string> output_of(const std::string& command) {
    auto [out, in] = MSB_TRY(sys::pipe());
    SpawnOptions options;
    options.argv = {"/bin/sh", "-c", command};
    options.fds = {{0, 0}, {1, in.get()}, {2, 2}};
    Child child = MSB_TRY(spawn(options));
    in.reset();
    const auto deadline = std::chrono::steady_clock::now() + command_time;
    std::string text;
    Bytes buffer(std::size_t{4} << 10);
    const auto kill = [&child] {
        (void)child.signal(SIGKILL);
        (void)child.wait(std::chrono::seconds(1)); // it may be within a program that goes on
    };
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (!MSB_TRY(sys::wait_for(out.get(), POLLIN, left))) {
            kill();
            return fail(ErrorKind::timed_out, "the command did not end in 30 s");
        }
        const std::size_t size = MSB_TRY(sys::read(out.get(), buffer));
        if (size == 0)
            break;
        text += as_text(BytesView(buffer).first(size));
        if (text.size() > longest_value) {
            kill();
            return fail(ErrorKind::invalid_argument, "it is longer than 64 KiB");
        }
    }
    const auto status = MSB_TRY(child.wait(command_time));
    if (!status || *status != 0)
        return fail(ErrorKind::system,
                    "the command failed" +
                        (status ? " with exit code " + std::to_string(shell_exit_code(*status))
                                : std::string()));
    return text;
}

Result<std::string> value_from(std::string_view kind, const std::string& rest) {
    if (kind == "file")
        return read_file(rest, longest_value);
    if (kind == "exec")
        return output_of(rest);
    const char* const value = std::getenv(rest.c_str());
    if (value == nullptr)
        return fail(ErrorKind::not_found, "host environment variable " + rest + " is not set");
    return std::string(value);
}

} // namespace

Result<SecretsSpec> read_secret_file(const std::string& path) {
    const std::string what = "secrets '" + path + "'";
    const std::string text = MSB_TRY_WRAP(read_file(path, json::max_yaml_bytes), what);
    const json::Value document = path.ends_with(".json")
                                     ? MSB_TRY_WRAP(json::parse(text), what)
                                     : MSB_TRY_WRAP(json::parse_yaml(text), what);
    return MSB_TRY_WRAP(read_secrets_file(document), what);
}

Result<std::string> read_secret_value(const SecretSpec& secret) {
    const auto colon = secret.source.find(':');
    const std::string what = "secret " + secret.env;
    std::string value = MSB_TRY_WRAP(
        value_from(secret.source.substr(0, colon), secret.source.substr(colon + 1)), what);
    // Files and commands end with a line's end that nobody means.
    while (!secret.source.starts_with("env:") && (value.ends_with('\n') || value.ends_with('\r')))
        value.pop_back();
    if (value.empty())
        return fail(ErrorKind::invalid_argument,
                    what + ": its value is empty (" + secret.source + ")");
    // It would end a header and begin another.
    if (value.find_first_of(std::string_view("\0\r\n", 3)) != std::string::npos)
        return fail(ErrorKind::invalid_argument,
                    what + ": its value has line breaks or NUL, which no header can have (" +
                        secret.source + ")");
    return value;
}

tls::TlsdConfig::Secret secret_for_tlsd(const SecretSpec& secret, std::string value) {
    return {.env = secret.env,
            .placeholder = secret.placeholder,
            .value = std::move(value),
            .hosts = secret.hosts,
            .passthrough = secret.passthrough,
            .header_fields = secret.header_fields,
            .methods = secret.methods,
            .paths = secret.paths,
            .headers = secret.headers,
            .query = secret.query,
            .body = secret.body,
            .per_minute = secret.per_minute,
            .total = secret.total,
            .action = secret.action};
}

Status change_secrets(const std::string& door, const SecretsSpec& secrets,
                      const std::vector<std::string>& keep) {
    tls::SecretsChange change{.secrets = {}, .violation_action = secrets.action};
    std::string values;
    for (const SecretSpec& secret : secrets.list) {
        const bool kept = std::ranges::find(keep, secret.env) != keep.end();
        change.secrets.push_back(
            secret_for_tlsd(secret, kept ? std::string() : MSB_TRY(read_secret_value(secret))));
        values += change.secrets.back().value;
    }
    constexpr std::chrono::milliseconds patience{5000};
    const OwnedFd socket = MSB_TRY(sys::unix_connect(door, patience));
    const Status sent = sys::write_all(socket.get(), as_bytes(change.to_json() + "\n" + values));
    ::explicit_bzero(values.data(), values.size());
    for (tls::TlsdConfig::Secret& secret : change.secrets)
        ::explicit_bzero(secret.value.data(), secret.value.size());
    MSB_TRY(Status(sent));
    ::shutdown(socket.get(), SHUT_WR);
    if (!MSB_TRY(sys::wait_for(socket.get(), POLLIN, patience)))
        return fail(ErrorKind::timed_out, "the process that intercepts TLS does not answer");
    Bytes buffer(std::size_t{4} << 10);
    const std::string answer(
        as_text(BytesView(buffer).first(MSB_TRY(sys::read(socket.get(), buffer)))));
    if (answer == "ok")
        return {};
    return fail(ErrorKind::invalid_argument,
                answer.empty() ? "the process that intercepts TLS has ended" : answer);
}

} // namespace msb
