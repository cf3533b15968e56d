#include "image/helper.hpp"

#include "base/process.hpp"
#include "base/system.hpp"
#include "json/text.hpp"

#include <array>
#include <csignal>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

namespace msb::image {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_line = std::size_t{64} << 20;
constexpr auto poll_interval = 100ms;

constexpr std::array all_kinds = {
    ErrorKind::invalid_argument,  ErrorKind::not_found,      ErrorKind::already_exists,
    ErrorKind::permission_denied, ErrorKind::busy,           ErrorKind::unsupported,
    ErrorKind::corrupt,           ErrorKind::limit_exceeded, ErrorKind::timed_out,
    ErrorKind::cancelled,         ErrorKind::unreachable,    ErrorKind::protocol,
    ErrorKind::no_space,          ErrorKind::system};

void dispatch(const Json& event, Progress& progress) {
    const std::string name = json_string(event, "event");
    const auto layer = static_cast<std::size_t>(json_unsigned(event, "layer"));
    if (name == "resolving")
        progress.resolving(json_string(event, "reference"));
    else if (name == "resolved")
        progress.resolved(json_string(event, "reference"),
                          static_cast<std::size_t>(json_unsigned(event, "layers")),
                          json_unsigned(event, "total"));
    else if (name == "layer_bytes")
        progress.layer_bytes(layer, json_unsigned(event, "done"), json_unsigned(event, "total"));
    else if (name == "layer_done")
        progress.layer_done(layer, json_bool(event, "reused"));
    else if (name == "merging")
        progress.merging(json_string(event, "reference"));
}

Error died(Child& child, const std::string& program) {
    const auto status = child.wait(5s);
    std::string how = "without a result";
    if (status && *status && WIFSIGNALED(**status))
        how = "by signal " + std::to_string(WTERMSIG(**status));
    return Error(ErrorKind::system, "the program '" + program + "' ended " + how);
}

Result<Json> follow(Child& child, const std::string& program, int fd, Progress& progress) {
    JsonLines lines(fd);
    for (;;) {
        while (!MSB_TRY(sys::wait_for(fd, POLLIN, poll_interval)))
            if (progress.cancelled())
                return fail(ErrorKind::cancelled, "cancelled");
        const Json event = MSB_TRY(lines.next());
        if (event.is_null())
            return fail(died(child, program));
        if (const Json* error = event.find("error"))
            return fail(decode_error(*error));
        if (const Json* result = event.find("result"))
            return *result;
        dispatch(event, progress);
        if (progress.cancelled())
            return fail(ErrorKind::cancelled, "cancelled");
    }
}

} // namespace

Json encode_error(const Error& error) {
    return Json{
        {"kind", to_string(error.kind())}, {"message", error.to_string()}, {"hint", error.hint()}};
}

Error decode_error(const Json& json) {
    ErrorKind kind = ErrorKind::system;
    const std::string name = json_string(json, "kind");
    for (const ErrorKind candidate : all_kinds)
        if (to_string(candidate) == name)
            kind = candidate;
    return Error(kind, json_string(json, "message")).with_hint(json_string(json, "hint"));
}

Status send_json(int fd, const Json& line) {
    const std::string text = json::to_text(line) + "\n";
    return sys::write_all(fd, as_bytes(text));
}

Result<Json> JsonLines::next() {
    std::size_t searched = 0;
    for (;;) {
        const auto newline = buffer_.find('\n', searched);
        if (newline != std::string::npos) {
            const std::string line = buffer_.substr(0, newline);
            buffer_.erase(0, newline + 1);
            return parse_json_object(line, "helper message");
        }
        searched = buffer_.size();
        if (searched > max_line)
            return fail(ErrorKind::limit_exceeded, "helper message is too long");
        std::array<std::uint8_t, 65536> chunk;
        const std::size_t count = MSB_TRY(sys::read(fd_, chunk));
        if (count == 0)
            return Json();
        buffer_.append(reinterpret_cast<const char*>(chunk.data()), count);
    }
}

Result<Json> run_helper(const std::string& program, const Json& request, int input,
                        Progress& progress) {
    const std::string name = program.substr(program.rfind('/') + 1);
    auto sockets = MSB_TRY(sys::socket_pair(SOCK_STREAM));
    SpawnOptions options{.argv = {program}, .fds = {{2, 2}, {helper_socket, sockets[1].get()}}};
    if (input >= 0)
        options.fds.emplace_back(helper_input, input);
    Child child = MSB_TRY_WRAP(spawn(options), "cannot start the program '" + name + "'");
    sockets[1].reset();
    // A helper that died already is reported by follow().
    (void)send_json(sockets[0].get(), request);
    auto result = follow(child, name, sockets[0].get(), progress);
    if (!result)
        (void)child.signal(SIGKILL);
    sockets[0].reset();
    (void)child.wait(5s);
    return result;
}

int serve_helper(const std::function<Result<Json>(JsonLines&)>& serve) {
    std::signal(SIGPIPE, SIG_IGN);
    // Ignore a Ctrl-C at the terminal: our parent gets it, too, and ends us.
    for (const int number : {SIGINT, SIGQUIT, SIGHUP})
        std::signal(number, SIG_IGN);
    JsonLines lines(helper_socket);
    const auto result = serve(lines);
    const Json answer =
        result ? Json{{"result", *result}} : Json{{"error", encode_error(result.error())}};
    return send_json(helper_socket, answer) ? 0 : 1;
}

void ProgressWriter::send(const Json& event) {
    // Ignore errors: the only reader is our parent, and if it is gone we end in a moment, too.
    (void)send_json(fd_, event);
}
void ProgressWriter::resolving(const std::string& reference) {
    send(Json{{"event", "resolving"}, {"reference", reference}});
}
void ProgressWriter::resolved(const std::string& reference, std::size_t layers,
                              std::uint64_t total_bytes) {
    send(Json{{"event", "resolved"},
              {"reference", reference},
              {"layers", layers},
              {"total", total_bytes}});
}
void ProgressWriter::layer_bytes(std::size_t layer, std::uint64_t done, std::uint64_t total) {
    send(Json{{"event", "layer_bytes"}, {"layer", layer}, {"done", done}, {"total", total}});
}
void ProgressWriter::layer_done(std::size_t layer, bool reused) {
    send(Json{{"event", "layer_done"}, {"layer", layer}, {"reused", reused}});
}
void ProgressWriter::merging(const std::string& reference) {
    send(Json{{"event", "merging"}, {"reference", reference}});
}

} // namespace msb::image
