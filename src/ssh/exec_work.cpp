#include "ssh/exec_work.hpp"

#include <csignal>
#include <cstring>
#include <libssh/server.h>

namespace msb::ssh {

namespace {

/// Output that the client has not taken: above the first, no more is read from the guest until it
/// is below the second.
constexpr std::size_t most_output = std::size_t{1} << 20;
constexpr std::size_t less_output = most_output / 4;
/// Reads of input at a time, so that other channels have their turn.
constexpr int reads_a_turn = 16;
/// Exit status for a command that could not be started, whatever the reason.
constexpr int not_started = 127;
/// As OpenSSH's programs say "it was not the command".
constexpr int connection_lost = 255;

} // namespace

ExecWork::ExecWork(AgentClient& client, Stream& stream, const wire::ExecRequest& request)
    : stream_(stream), session_(client, request, events()) {}

ExecWork::~ExecWork() {
    if (!end_) // the client closed the channel, and nobody else knows of the command
        session_.signal(SIGKILL);
}

ExecEvents ExecWork::events() {
    return ExecEvents{
        .started = [](std::uint32_t) {},
        .out = [this](BytesView data) { out_.append(data); },
        .err = [this](BytesView data) { err_.append(data); },
        .stdin_error = [](const wire::ExecStdinError&) {},
        .exited =
            [this](const wire::ExecExited& exited) {
                end_ = End{exited.code & 0xff, exited.signal};
            },
        .failed =
            [this](const wire::ExecFailed& failed) {
                end_with_message(failed.message, not_started);
            },
        .broken =
            [this](const Error& error) { end_with_message(error.to_string(), connection_lost); },
    };
}

void ExecWork::end_with_message(const std::string& message, int status) {
    err_.append(as_bytes("msb: " + message + "\r\n"));
    end_ = End{status, std::nullopt};
}

void ExecWork::signal(int number) {
    if (!end_)
        session_.signal(number);
}

void ExecWork::resize(std::uint16_t rows, std::uint16_t cols) {
    if (!end_)
        session_.resize(rows, cols);
}

void ExecWork::pass_input() {
    for (int i = 0; i < reads_a_turn && !input_ended_ && session_.wants_input(); ++i) {
        const std::size_t count = stream_.read(stream_buffer());
        if (count > 0)
            session_.write_stdin(stream_buffer().first(count));
        else if (!stream_.at_end())
            return;
        else
            input_ended_ = true;
    }
    if (input_ended_)
        session_.close_stdin();
}

bool ExecWork::turn() {
    if (stream_.closed())
        return false;
    if (!end_)
        pass_input();
    stream_.write(out_);
    stream_.write(err_, true);
    const std::size_t held = out_.size() + err_.size();
    full_ = held > (full_ ? less_output : most_output);
    if (!end_ || held > 0)
        return true;
    report();
    return false;
}

void ExecWork::report() {
    const char* name = end_->signal ? ::sigabbrev_np(*end_->signal) : nullptr;
    if (name != nullptr)
        (void)ssh_channel_request_send_exit_signal(stream_.channel(), name, 0, "", "");
    else
        (void)ssh_channel_request_send_exit_status(
            stream_.channel(), end_->signal ? 128 + *end_->signal : end_->status);
    stream_.end_output();
}

} // namespace msb::ssh
