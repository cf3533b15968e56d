#include "client/exec_session.hpp"

namespace msb {

ExecSession::ExecSession(AgentClient& client, const wire::ExecRequest& request, ExecEvents events)
    : client_(client), events_(std::move(events)),
      id_(client.open_id(
          [this](const wire::Frame&, const wire::Envelope& envelope) { handle(envelope); })) {
    client_.send(id_, request);
}

ExecSession::~ExecSession() {
    client_.release(id_);
}

void ExecSession::write_stdin(BytesView data) {
    while (!data.empty()) {
        const BytesView part = data.first(std::min(data.size(), stdin_chunk));
        client_.send(id_, wire::ExecStdin{part});
        data = data.subspan(part.size());
    }
}

void ExecSession::close_stdin() {
    client_.send(id_, wire::ExecStdin{{}}); // empty data is end of input
}

template <typename M, typename Deliver> void ExecSession::deliver(BytesView payload, Deliver call) {
    const auto message = M::decode(payload);
    if (!message)
        events_.broken(message.error());
    else
        call(*message);
}

void ExecSession::handle(const wire::Envelope& envelope) {
    const BytesView payload = envelope.payload;
    if (envelope.type == wire::ExecStdout::type)
        deliver<wire::ExecStdout>(payload, [&](const auto& m) { events_.out(m.data); });
    else if (envelope.type == wire::ExecStderr::type)
        deliver<wire::ExecStderr>(payload, [&](const auto& m) { events_.err(m.data); });
    else if (envelope.type == wire::ExecStarted::type)
        deliver<wire::ExecStarted>(payload, [&](const auto& m) { events_.started(m.pid); });
    else if (envelope.type == wire::ExecStdinError::type)
        deliver<wire::ExecStdinError>(payload, [&](const auto& m) { events_.stdin_error(m); });
    else if (envelope.type == wire::ExecExited::type)
        deliver<wire::ExecExited>(payload, [&](const auto& m) { events_.exited(m); });
    else if (envelope.type == wire::ExecFailed::type)
        deliver<wire::ExecFailed>(payload, [&](const auto& m) { events_.failed(m); });
    else if (envelope.type == wire::CoreError::type)
        deliver<wire::CoreError>(payload, [&](const auto& m) {
            events_.broken(
                Error(ErrorKind::protocol, std::string("the agent refused the request: ") +
                                               std::string(to_string(m.kind)) + ": " + m.message));
        });
    // Other types are additions that this client does not know.
}

} // namespace msb
