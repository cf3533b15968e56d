// The sessions of one connection: whom they tell what, and the messages about sessions.
#include "agent/serve/client.hpp"
#include "agent/serve/server.hpp"

namespace msb::agent {

namespace {

/// A frame holds no more; so many sessions that this matters are not read by people.
constexpr std::size_t max_listed_bytes = std::size_t{3} << 20;
constexpr std::size_t listed_overhead = 256; ///< of a session besides its words, at most

/// Long command lines lose their words, and the newest sessions are not listed at all, if need be.
wire::SessionListed fit(std::vector<wire::SessionInfo> sessions) {
    const auto size = [](const wire::SessionInfo& info) {
        std::size_t bytes = listed_overhead;
        for (const std::string& word : info.command)
            bytes += word.size() + 5;
        return bytes;
    };
    std::size_t total = 0;
    for (const wire::SessionInfo& info : sessions)
        total += size(info);
    for (std::size_t i = 0; i < sessions.size() && total > max_listed_bytes; ++i) {
        total -= size(sessions[i]);
        sessions[i].command.resize(1);
        total += size(sessions[i]);
    }
    for (; total > max_listed_bytes; sessions.pop_back())
        total -= size(sessions.back());
    return {std::move(sessions)};
}

} // namespace

// --- a session that ends with the connection ----------------------------------------------------

bool ClientSession::accepts_output() {
    return client_.accepts_output();
}

void ClientSession::started(pid_t pid) {
    client_.send(id_, wire::ExecStarted{static_cast<std::uint32_t>(pid), std::nullopt});
}

void ClientSession::output(bool error, BytesView data) {
    if (error)
        client_.send(id_, wire::ExecStderr{data});
    else
        client_.send(id_, wire::ExecStdout{data});
}

void ClientSession::input_failed(const wire::ExecStdinError& error) {
    client_.send(id_, error);
}

void ClientSession::grant_input(std::uint64_t bytes) {
    client_.send(id_, wire::FlowWindow{bytes});
}

void ClientSession::input_bound_changed() {
    client_.input_bound_changed();
}

void ClientSession::failed(const wire::ExecFailed& failure) {
    client_.send(id_, failure);
    client_.remove_session(id_);
}

void ClientSession::exited(const wire::ExecExited& exited) {
    client_.send(id_, exited);
    client_.remove_session(id_);
}

// --- bookkeeping --------------------------------------------------------------------------------

void Client::remove_session(std::uint32_t id) {
    sessions_.erase(id);
    input_bound_changed();
}

void Client::forget_kept(std::uint32_t id) {
    kept_.erase(id);
    input_bound_changed();
}

void Client::input_bound_changed() {
    input_over_bound_ = false;
    for (const auto& [id, owner] : sessions_)
        input_over_bound_ = input_over_bound_ || owner->session->input_over_bound();
    for (const auto& [id, kept] : kept_)
        input_over_bound_ = input_over_bound_ ||
                            (kept->session() != nullptr && kept->session()->input_over_bound());
    update_interest();
}

void Client::signal_sessions() {
    for (const auto& [id, owner] : sessions_)
        owner->session->stop(server_.config().stop_signal);
}

Session* Client::session_of(std::uint32_t id) {
    if (const auto own = sessions_.find(id); own != sessions_.end())
        return own->second->session.get();
    const auto kept = kept_.find(id);
    return kept == kept_.end() ? nullptr : kept->second->session();
}

Session* Client::find_session(std::uint64_t number) {
    for (const auto& [id, owner] : sessions_)
        if (owner->number() == number)
            return owner->session.get();
    return nullptr;
}

void Client::list_sessions(std::vector<wire::SessionInfo>& sessions) const {
    for (const auto& [id, owner] : sessions_) {
        wire::SessionInfo info = owner->session->info();
        info.session = owner->number();
        info.attached = true;
        sessions.push_back(std::move(info));
    }
}

// --- messages -----------------------------------------------------------------------------------

bool Client::dispatch_sessions(const wire::Frame& frame, const wire::Envelope& envelope) {
    const std::uint32_t id = frame.id;
    return decode<wire::SessionNumber>(
               frame, envelope,
               [&](const wire::SessionNumber& message) { announced_ = {id, message.session}; }) ||
           decode<wire::SessionDetach>(frame, envelope,
                                       [&](const wire::SessionDetach&) { detach_session(id); }) ||
           decode<wire::SessionAttach>(
               frame, envelope,
               [&](const wire::SessionAttach& message) { attach_session(id, message); }) ||
           decode<wire::SessionList>(
               frame, envelope,
               [&](const wire::SessionList&) { send(id, fit(server_.list_sessions())); }) ||
           decode<wire::SessionSignal>(
               frame, envelope,
               [&](const wire::SessionSignal& message) { signal_session(id, message); }) ||
           decode<wire::SessionObserve>(frame, envelope, [&](const wire::SessionObserve&) {
               observer_ = true;
               server_.kept().observe(*this);
           });
}

void Client::detach_session(std::uint32_t id) {
    if (const auto kept = kept_.find(id); kept != kept_.end()) {
        KeptSession* session = kept->second;
        send(id, wire::SessionDetached{.session = session->number()});
        forget_kept(id);
        session->release();
        return;
    }
    const auto own = sessions_.find(id);
    if (own == sessions_.end())
        return; // it has just ended, and its last frame is on its way
    if (server_.kept().full()) {
        send(id, wire::SessionDetachFailed{"there are too many detached sessions"});
        return;
    }
    const std::uint64_t number = own->second->number();
    server_.kept().keep(std::move(own->second->session), number);
    sessions_.erase(own);
    input_bound_changed();
    send(id, wire::SessionDetached{.session = number});
}

void Client::attach_session(std::uint32_t id, const wire::SessionAttach& request) {
    if (id == 0 || in_use(id)) {
        send_error(id, wire::CoreErrorKind::invalid_session, "the id is not free",
                   wire::SessionAttach::type);
        return;
    }
    if (KeptSession* kept = server_.kept().attach(*this, id, request)) {
        add_kept(id, *kept);
        input_bound_changed();
    }
}

void Client::signal_session(std::uint32_t id, const wire::SessionSignal& request) {
    Session* session = server_.find_session(request.session);
    if (session == nullptr) {
        const bool ended = server_.kept().find(request.session) != nullptr;
        send(id, wire::SessionFailed{ended ? wire::SessionFailure::ended
                                           : wire::SessionFailure::not_found,
                                     ended ? "the session has ended" : "no such session"});
        return;
    }
    session->signal(request.signal);
    send(id, wire::SessionSignalled{});
}

} // namespace msb::agent
