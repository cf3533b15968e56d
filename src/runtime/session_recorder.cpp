#include "runtime/session_recorder.hpp"

#include "wire/session_messages.hpp"

namespace msb {

namespace {
/// A connection may have no more exec sessions under observation; the agent has its own limit.
constexpr std::size_t max_recorded_sessions = 4096;
} // namespace

std::uint64_t SessionRecorder::request(std::uint32_t id, const wire::ExecRequest& request) {
    if (sessions_.size() >= max_recorded_sessions)
        std::erase_if(sessions_, [](const auto& item) {
            return item.second.state == Session::State::refused;
        });
    const auto found = sessions_.find(id);
    if (sessions_.size() >= max_recorded_sessions ||
        (found != sessions_.end() && found->second.state != Session::State::refused))
        return 0;
    ++counter_;
    if (!request.detach)
        sessions_[id] = Session{counter_, request.tty, Session::State::asked, {}, {}};
    return counter_;
}

bool SessionRecorder::from_guest(std::uint32_t id, const wire::Envelope& envelope) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end())
        return false;
    Session& session = found->second;
    if (envelope.type == wire::ExecStarted::type) {
        session.state = Session::State::started;
    } else if (envelope.type == wire::CoreError::type) {
        const auto error = wire::CoreError::decode(envelope.payload);
        if (error && error->offending_type == wire::ExecRequest::type &&
            session.state == Session::State::asked)
            session.state = Session::State::refused;
    } else if (envelope.type == wire::ExecStdout::type) {
        if (const auto message = wire::ExecStdout::decode(envelope.payload))
            session.out.write(log_, session.tty ? LogSource::output : LogSource::standard_output,
                              session.number, message->data);
    } else if (envelope.type == wire::ExecStderr::type) {
        if (const auto message = wire::ExecStderr::decode(envelope.payload))
            session.err.write(log_, LogSource::standard_error, session.number, message->data);
    } else if (envelope.type == wire::ExecExited::type || envelope.type == wire::ExecFailed::type ||
               envelope.type == wire::SessionDetached::type) {
        finish(session);
        sessions_.erase(found);
        return true;
    }
    return false;
}

void SessionRecorder::finish(Session& session) {
    session.out.finish(log_, session.tty ? LogSource::output : LogSource::standard_output,
                       session.number);
    session.err.finish(log_, LogSource::standard_error, session.number);
}

SessionRecorder::~SessionRecorder() {
    for (auto& [id, session] : sessions_)
        finish(session);
}

} // namespace msb
