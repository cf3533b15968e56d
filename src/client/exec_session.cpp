#include "client/exec_session.hpp"

namespace msb {

ExecSession::ExecSession(AgentClient& client, const wire::ExecRequest& request, ExecEvents events)
    : client_(client), events_(std::move(events)),
      id_(client.open_id(
          [this](const wire::Frame&, const wire::Envelope& envelope) { handle(envelope); })),
      window_(request.flow) {
    client_.send(id_, request);
}

ExecSession::ExecSession(AgentClient& client, const wire::SessionAttach& request, ExecEvents events)
    : client_(client), events_(std::move(events)),
      id_(client.open_id(
          [this](const wire::Frame&, const wire::Envelope& envelope) { handle(envelope); })),
      window_(request.flow) {
    client_.send(id_, request);
}

ExecSession::~ExecSession() {
    client_.release(id_);
}

void ExecSession::write_stdin(BytesView data) {
    if (closing_)
        return;
    if (!pending_.empty() || data.size() > window_.available()) {
        pending_.append(data);
        return send_pending();
    }
    while (!data.empty()) {
        const BytesView part = data.first(std::min(data.size(), stdin_chunk));
        window_.sent(part.size());
        client_.send(id_, wire::ExecStdin{part});
        data = data.subspan(part.size());
    }
}

void ExecSession::close_stdin() {
    if (std::exchange(closing_, true))
        return;
    if (pending_.empty())
        client_.send(id_, wire::ExecStdin{{}}); // empty data is end of input
}

void ExecSession::send_pending() {
    if (pending_.empty())
        return;
    while (!pending_.empty() && window_.available() > 0) {
        const std::size_t size =
            std::min<std::uint64_t>({pending_.size(), stdin_chunk, window_.available()});
        window_.sent(size);
        client_.send(id_, wire::ExecStdin{pending_.view().first(size)});
        pending_.consume(size);
    }
    if (!pending_.empty())
        return;
    if (closing_)
        client_.send(id_, wire::ExecStdin{{}});
    else if (events_.input_room)
        events_.input_room();
}

void ExecSession::answered() {
    window_.answered();
    send_pending();
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
        deliver<wire::ExecStarted>(payload, [&](const auto& m) {
            answered();
            events_.started(m.pid);
            if (m.session && events_.kept)
                events_.kept(*m.session);
        });
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
    else
        handle_session(envelope); // other types are additions that this client does not know
}

void ExecSession::handle_session(const wire::Envelope& envelope) {
    const BytesView payload = envelope.payload;
    if (envelope.type == wire::FlowWindow::type)
        deliver<wire::FlowWindow>(payload, [&](const auto& m) {
            window_.grant(m.bytes);
            send_pending();
        });
    else if (envelope.type == wire::SessionAttached::type)
        deliver<wire::SessionAttached>(payload, [&](const auto& m) {
            answered();
            if (events_.attached)
                events_.attached(m);
        });
    else if (envelope.type == wire::SessionDetached::type)
        deliver<wire::SessionDetached>(payload, [&](const auto& m) {
            if (events_.detached)
                events_.detached(m);
        });
    else if (envelope.type == wire::SessionFailed::type)
        deliver<wire::SessionFailed>(payload, [&](const auto& m) {
            if (events_.refused)
                events_.refused(m);
        });
}

} // namespace msb
