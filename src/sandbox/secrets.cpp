#include "sandbox/secrets.hpp"

#include "base/file.hpp"
#include "base/process.hpp"
#include "base/system.hpp"
#include "json/text.hpp"
#include "json/yaml.hpp"

#include <array>
#include <cstdlib>
#include <poll.h>

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
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd wait{out.get(), POLLIN, 0};
        if (left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) == 0) {
            (void)child.signal(SIGKILL);
            return fail(ErrorKind::timed_out, "the command did not end in 30 s");
        }
        const std::size_t size = MSB_TRY(sys::read(out.get(), buffer));
        if (size == 0)
            break;
        text += as_text(BytesView(buffer).first(size));
        if (text.size() > longest_value) {
            (void)child.signal(SIGKILL);
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

} // namespace msb
