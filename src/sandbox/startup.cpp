#include "sandbox/startup.hpp"

#include "wire/exit_code.hpp"

namespace msb {

StartupRun::StartupRun(device::Vsock& vsock, SessionRecorder recorder,
                       const StartupCommand& command, std::function<void(Outcome)> ended)
    : connection_(vsock.connect(agent_client_port)), recorder_(std::move(recorder)),
      ended_(std::move(ended)) {
    wire::ExecRequest request;
    request.cmd = command.argv.front();
    request.args.assign(command.argv.begin() + 1, command.argv.end());
    request.env = command.env;
    if (!command.cwd.empty())
        request.cwd = command.cwd;
    if (!command.user.empty())
        request.user = command.user;
    recorder_.request(session_id, request);
    wire::append_message(out_, session_id, request);
    wire::append_message(out_, session_id, wire::ExecStdin{{}}); // end of input
    connection_->on_connected = [this] { flush(); };
    connection_->on_writable = [this] { flush(); };
    connection_->on_readable = [this] { read(); };
    connection_->on_closed = [this](device::VsockClose reason) {
        read();
        end({1, "the agent is gone: " + std::string(device::to_string(reason))});
    };
    flush();
}

StartupRun::~StartupRun() {
    connection_->close();
}

void StartupRun::flush() {
    const std::size_t accepted = connection_->write(out_);
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(accepted));
}

void StartupRun::read() {
    for (BytesView data = connection_->readable(); !data.empty(); data = connection_->readable()) {
        in_.feed(data);
        connection_->consume(data.size());
        for (;;) {
            const auto frame = in_.next();
            if (!frame)
                return end({1, frame.error().to_string()});
            if (!*frame)
                break;
            handle(**frame);
        }
    }
}

void StartupRun::handle(const wire::Frame& frame) {
    const auto envelope = wire::decode_envelope(frame.body);
    if (!envelope)
        return end({1, envelope.error().to_string()});
    recorder_.from_guest(frame.id, *envelope);
    if (envelope->type == wire::ExecExited::type) {
        if (const auto exited = wire::ExecExited::decode(envelope->payload))
            end({wire::exit_code_of(*exited), {}});
    } else if (envelope->type == wire::ExecFailed::type) {
        if (const auto failed = wire::ExecFailed::decode(envelope->payload))
            end({wire::exit_code_of(*failed),
                 std::string(to_string(failed->kind)) + ": " + failed->message});
    }
}

void StartupRun::end(Outcome outcome) {
    if (ended_)
        std::exchange(ended_, nullptr)(std::move(outcome));
}

} // namespace msb
