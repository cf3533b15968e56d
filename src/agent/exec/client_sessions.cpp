#include "agent/exec/client_sessions.hpp"

#include <cerrno>

namespace msb::agent {

namespace {

/// What fits one frame; nobody reads a list of so many sessions that this matters.
constexpr std::size_t max_listed_bytes = std::size_t{3} << 20;
constexpr std::size_t listed_overhead = 256; ///< of a session besides its words, at most

/// If need be, long command lines lose their words and the newest sessions are left out.
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
    return table_.channel_.accepts_output();
}

void ClientSession::started(pid_t pid) {
    table_.channel_.send(id_, wire::ExecStarted{static_cast<std::uint32_t>(pid), std::nullopt});
}

void ClientSession::output(bool error, BytesView data) {
    if (error)
        table_.channel_.send(id_, wire::ExecStderr{data});
    else
        table_.channel_.send(id_, wire::ExecStdout{data});
}

void ClientSession::input_failed(const wire::ExecStdinError& error) {
    table_.channel_.send(id_, error);
}

void ClientSession::grant_input(std::uint64_t bytes) {
    table_.channel_.send(id_, wire::FlowWindow{bytes});
}

void ClientSession::input_bound_changed() {
    table_.channel_.input_bound_changed();
}

void ClientSession::failed(const wire::ExecFailed& failure) {
    table_.channel_.send(id_, failure);
    table_.remove(id_);
}

void ClientSession::exited(const wire::ExecExited& exited) {
    table_.channel_.send(id_, exited);
    table_.remove(id_);
}

// --- bookkeeping --------------------------------------------------------------------------------

ClientSessions::ClientSessions(Services& services, Children& children, Sessions& all,
                               Channel& channel)
    : services_(services), children_(children), all_(all), channel_(channel) {
    all_.clients_.push_back(this);
}

ClientSessions::~ClientSessions() {
    own_.clear();
    for (const auto& [id, kept] : std::exchange(kept_, {}))
        kept->release();
    all_.kept().forget(channel_);
    std::erase(all_.clients_, this);
}

void ClientSessions::remove(std::uint32_t id) {
    own_.erase(id);
    channel_.input_bound_changed();
}

void ClientSessions::forget_kept(std::uint32_t id) {
    kept_.erase(id);
    channel_.input_bound_changed();
}

void ClientSessions::check_input_bound() {
    input_over_bound_ = false;
    for (const auto& [id, owner] : own_)
        input_over_bound_ = input_over_bound_ || owner->session->input_over_bound();
    for (const auto& [id, kept] : kept_)
        input_over_bound_ = input_over_bound_ ||
                            (kept->session() != nullptr && kept->session()->input_over_bound());
}

void ClientSessions::resume_output() {
    for (const auto& [id, owner] : own_)
        owner->session->resume_output();
    for (const auto& [id, kept] : kept_)
        kept->resume();
    if (observer_)
        all_.kept().resume_all();
}

void ClientSessions::stop_all(int signal) {
    for (const auto& [id, owner] : own_)
        owner->session->stop(signal);
}

Session* ClientSessions::find(std::uint32_t id) {
    if (const auto own = own_.find(id); own != own_.end())
        return own->second->session.get();
    const auto kept = kept_.find(id);
    return kept == kept_.end() ? nullptr : kept->second->session();
}

Session* ClientSessions::find_number(std::uint64_t number) {
    for (const auto& [id, owner] : own_)
        if (owner->number() == number)
            return owner->session.get();
    return nullptr;
}

void ClientSessions::list(std::vector<wire::SessionInfo>& sessions) const {
    for (const auto& [id, owner] : own_) {
        wire::SessionInfo info = owner->session->info();
        info.session = owner->number();
        info.attached = true;
        sessions.push_back(std::move(info));
    }
}

// --- what the client asks for -------------------------------------------------------------------

void ClientSessions::start(std::uint32_t id, const wire::ExecRequest& request) {
    if (const std::string_view refusal = services_.refusal(); !refusal.empty()) {
        channel_.send(id, wire::ExecFailed{.message = std::string(refusal), .stage = "accept"});
        return;
    }
    if (own_.size() >= max_sessions) {
        channel_.send(id, describe(Error::from_errno(EAGAIN, "too many commands on one connection"),
                                   "accept"));
        return;
    }
    const std::uint64_t announced = announced_.first == id ? announced_.second : 0;
    announced_ = {};
    const std::uint64_t number = all_.take_number(announced);
    if (request.detach)
        return all_.kept().start(*this, id, number, request);
    auto owner = std::make_unique<ClientSession>(*this, id, number);
    owner->session = std::make_unique<Session>(services_, children_, *owner);
    if (auto started = owner->session->start(request); !started) {
        channel_.send(id, started.error());
        return;
    }
    own_.emplace(id, std::move(owner));
}

void ClientSessions::detach(std::uint32_t id) {
    if (const auto kept = kept_.find(id); kept != kept_.end()) {
        KeptSession* session = kept->second;
        channel_.send(id, wire::SessionDetached{.session = session->number()});
        forget_kept(id);
        session->release();
        return;
    }
    const auto own = own_.find(id);
    if (own == own_.end())
        return; // it has just ended, and its last frame is on its way
    if (all_.kept().full()) {
        channel_.send(id, wire::SessionDetachFailed{"there are too many detached sessions"});
        return;
    }
    const std::uint64_t number = own->second->number();
    all_.kept().keep(std::move(own->second->session), number);
    remove(id);
    channel_.send(id, wire::SessionDetached{.session = number});
}

void ClientSessions::attach(std::uint32_t id, const wire::SessionAttach& request) {
    KeptSession* kept = all_.kept().find(request.session);
    if (kept == nullptr) {
        const bool exists = all_.contains(request.session);
        channel_.send(
            id,
            wire::SessionFailed{
                exists ? wire::SessionFailure::not_kept : wire::SessionFailure::not_found,
                exists ? "the session belongs to the client that started it" : "no such session"});
    } else if (all_.kept().attach(*kept, *this, id, request)) {
        add_kept(id, *kept);
        channel_.input_bound_changed();
    }
}

void ClientSessions::signal(std::uint32_t id, const wire::SessionSignal& request) {
    Session* session = all_.find(request.session);
    if (session == nullptr) {
        const bool ended = all_.kept().find(request.session) != nullptr;
        channel_.send(id, wire::SessionFailed{ended ? wire::SessionFailure::ended
                                                    : wire::SessionFailure::not_found,
                                              ended ? "the session has ended" : "no such session"});
        return;
    }
    session->signal(request.signal);
    channel_.send(id, wire::SessionSignalled{});
}

void ClientSessions::list_all(std::uint32_t id) {
    channel_.send(id, fit(all_.list()));
}

void ClientSessions::observe() {
    observer_ = true;
    all_.kept().observe(channel_);
}

} // namespace msb::agent
