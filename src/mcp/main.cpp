// The program mcp, which `msb mcp` becomes: a program of its own, because the libraries that it needs
// would make every start of msb slower.
#include "base/file.hpp"
#include "base/installation.hpp"
#include "base/system.hpp"
#include "mcp/config.hpp"
#include "mcp/http.hpp"
#include "mcp/stdio.hpp"

#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <random>
#include <sys/signalfd.h>
#include <unistd.h>

namespace msb::mcp {
namespace {

constexpr int exit_failure = 1;

std::string new_token() {
    std::random_device random;
    std::string token;
    for (int i = 0; i < 8; ++i)
        token += fmt::format("{:08x}", random());
    return token;
}

Result<std::string> token_of(const std::string& path) {
    if (path.empty())
        return new_token();
    constexpr std::size_t longest = 4096;
    auto text = read_file(path, longest);
    if (!text && text.error().kind() == ErrorKind::not_found) {
        std::string token = new_token();
        MSB_TRY(write_file_atomic(path, token + "\n", 0600));
        return token;
    }
    std::string token = MSB_TRY(std::move(text));
    token.resize(std::min(token.size(), token.find_first_of("\r\n")));
    constexpr std::size_t shortest = 16;
    if (token.size() < shortest)
        return fail(ErrorKind::invalid_argument,
                    "the token in '" + path + "' is shorter than 16 characters");
    return token;
}

Status serve_http(const Config& config, int end) {
    const std::string token = MSB_TRY(token_of(config.token_file));
    const HttpServer server = MSB_TRY(HttpServer::start(config.limits, *config.http, token));
    const Endpoint at{config.http->address, server.port()};
    fmt::print(stderr, "http://{}/mcp\n", at.to_string());
    if (config.token_file.empty())
        fmt::print(stderr, "Authorization: Bearer {}\n", token);
    pollfd wait{end, POLLIN, 0};
    while (::poll(&wait, 1, -1) == -1 && errno == EINTR) {
    }
    return {};
}

/// Readable when a signal has come that is to end us.
Result<OwnedFd> signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP})
        sigaddset(&set, number);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    OwnedFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd)
        return fail_errno("signalfd");
    return fd;
}

Result<int> run(const char* text) {
    const Config config = MSB_TRY(Config::from_json(text));
    set_installation_prefix(config.prefix);
    const OwnedFd end = MSB_TRY(signals());
    if (config.http)
        MSB_TRY(serve_http(config, end.get()));
    else
        MSB_TRY(serve_stdio(config.limits, STDIN_FILENO, STDOUT_FILENO, end.get()));
    signalfd_siginfo info{};
    if (::read(end.get(), &info, sizeof(info)) == sizeof(info))
        return 128 + static_cast<int>(info.ssi_signo);
    return 0;
}

} // namespace
} // namespace msb::mcp

int main(int argc, char** argv) {
    if (argc != 2) {
        (void)std::fputs("mcp is started by `msb mcp`\n", stderr);
        return msb::mcp::exit_failure;
    }
    const auto code = msb::mcp::run(argv[1]);
    if (!code) {
        fmt::print(stderr, "error: {}\n", code.error().to_string());
        if (!code.error().hint().empty())
            fmt::print(stderr, "hint: {}\n", code.error().hint());
        return msb::mcp::exit_failure;
    }
    return *code;
}
