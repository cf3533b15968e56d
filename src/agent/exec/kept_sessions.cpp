#include "agent/exec/kept_sessions.hpp"

#include "agent/exec/client_sessions.hpp"
#include "base/time.hpp"

#include <algorithm>
#include <cerrno>

namespace msb::agent {

// --- one session --------------------------------------------------------------------------------

template <typename M> void KeptSession::tell(const M& message) {
    if (client_ != nullptr)
        client_->channel().send(id_, message);
}

wire::SessionInfo KeptSession::info() const {
    wire::SessionInfo info = session_ ? session_->info() : last_info_;
    info.session = number_;
    info.kept = true;
    info.attached = attached();
    if (end_) {
        info.code = end_->code;
        info.signal = end_->signal;
    }
    info.kept_bytes = replay_.end() - replay_.begin();
    info.lost_bytes = replay_.begin() > seen_ ? replay_.begin() - seen_ : 0;
    return info;
}

void KeptSession::attach(ClientSessions& client, std::uint32_t id,
                         const wire::SessionAttach& request) {
    std::uint64_t from = replay_.end();
    if (request.replay == wire::Replay::missed)
        from = seen_;
    else if (request.replay == wire::Replay::all)
        from = 0;
    const wire::SessionInfo now = info();
    client_ = &client;
    id_ = id;
    if (session_)
        session_->restart_window(request.flow);
    tell(wire::SessionAttached{.pid = now.pid,
                               .tty = now.tty,
                               .lost_bytes = replay_.begin() > from ? replay_.begin() - from : 0});
    replay_.visit(from, [&](bool error, BytesView data) {
        if (error)
            tell(wire::ExecStderr{data});
        else
            tell(wire::ExecStdout{data});
    });
    seen_ = replay_.end();
    if (end_) {
        tell(*end_);
        client_ = nullptr;
        return;
    }
    if (request.rows && request.cols)
        session_->redraw(*request.rows, *request.cols);
    resume();
}

void KeptSession::release() {
    client_ = nullptr;
    starting_ = false;
    if (session_)
        session_->restart_window(false);
    resume();
}

void KeptSession::resume() {
    if (session_)
        session_->resume_output();
}

bool KeptSession::accepts_output() {
    if (client_ != nullptr && !client_->channel().accepts_output())
        return false;
    if (table_.observer_ != nullptr)
        return table_.observer_->accepts_output();
    const std::uint64_t unobserved = replay_.end() - observed_;
    return unobserved < KeptSessions::replay_bytes &&
           (unobserved == 0 || table_.footprint_ < KeptSessions::total_bytes);
}

void KeptSession::started(pid_t pid) {
    if (client_ == nullptr || !starting_)
        return;
    tell(wire::ExecStarted{static_cast<std::uint32_t>(pid), number_});
    tell(wire::SessionDetached{.session = number_});
    client_->forget_kept(id_);
    client_ = nullptr;
    starting_ = false;
}

void KeptSession::output(bool error, BytesView data) {
    const std::size_t before = replay_.footprint();
    replay_.append(error, data);
    table_.footprint_ += replay_.footprint() - before;
    if (client_ != nullptr) {
        if (error)
            tell(wire::ExecStderr{data});
        else
            tell(wire::ExecStdout{data});
        seen_ = replay_.end();
    }
    observe();
    table_.make_room(*this);
}

/// Gives the observer what it does not have yet.
void KeptSession::observe() {
    Channel* observer = table_.observer_;
    if (observer == nullptr)
        return;
    const bool tty = info().tty;
    replay_.visit(observed_, [&](bool error, BytesView data) {
        observer->send(0,
                       wire::SessionOutput{number_, tty, error, Bytes(data.begin(), data.end())});
    });
    observed_ = replay_.end();
    if (end_ && !std::exchange(end_observed_, true))
        observer->send(0, wire::SessionEnded{number_, end_->code, end_->signal});
}

void KeptSession::input_failed(const wire::ExecStdinError& error) {
    tell(error);
}

void KeptSession::grant_input(std::uint64_t bytes) {
    tell(wire::FlowWindow{bytes});
}

void KeptSession::input_bound_changed() {
    if (client_ != nullptr)
        client_->channel().input_bound_changed();
}

void KeptSession::failed(const wire::ExecFailed& failure) {
    if (client_ != nullptr) {
        tell(failure);
        client_->forget_kept(id_);
    }
    table_.remove(number_);
}

void KeptSession::exited(const wire::ExecExited& exited) {
    last_info_ = session_->info();
    last_info_.ended_at_ns = unix_time_ns();
    end_ = exited;
    if (client_ != nullptr) {
        tell(exited);
        client_->forget_kept(id_);
        client_ = nullptr;
    }
    observe();
    session_.reset();
    table_.ended(*this);
}

// --- all of them --------------------------------------------------------------------------------

void KeptSessions::clear() {
    sessions_.clear();
    ended_.clear();
    footprint_ = 0;
}

void KeptSessions::start(ClientSessions& client, std::uint32_t id, std::uint64_t number,
                         const wire::ExecRequest& request) {
    if (full()) {
        client.channel().send(
            id, describe(Error::from_errno(EAGAIN, "too many detached sessions"), "accept"));
        return;
    }
    auto kept = std::make_unique<KeptSession>(*this, number);
    kept->session_ = std::make_unique<Session>(services_, children_, *kept);
    if (auto started = kept->session_->start(request); !started) {
        client.channel().send(id, started.error());
        return;
    }
    if (!request.tty)
        kept->session_->close_input();
    kept->client_ = &client;
    kept->id_ = id;
    kept->starting_ = true;
    client.add_kept(id, *kept);
    sessions_[number] = std::move(kept);
}

void KeptSessions::keep(std::unique_ptr<Session> session, std::uint64_t number) {
    auto kept = std::make_unique<KeptSession>(*this, number);
    kept->session_ = std::move(session);
    kept->session_->set_owner(*kept);
    kept->release();
    sessions_[number] = std::move(kept);
}

KeptSession* KeptSessions::find(std::uint64_t number) {
    const auto found = sessions_.find(number);
    return found == sessions_.end() ? nullptr : found->second.get();
}

bool KeptSessions::attach(KeptSession& kept, ClientSessions& client, std::uint32_t id,
                          const wire::SessionAttach& request) {
    if (kept.attached()) {
        if (!request.steal || kept.starting_) {
            client.channel().send(
                id, wire::SessionFailed{wire::SessionFailure::busy, "another client is attached"});
            return false;
        }
        kept.tell(wire::SessionDetached{.session = kept.number(), .stolen = true});
        kept.client_->forget_kept(kept.id_);
        kept.release();
    }
    kept.attach(client, id, request);
    return kept.attached();
}

void KeptSessions::observe(Channel& observer) {
    observer_ = &observer;
    for (const auto& [number, session] : sessions_) {
        session->observe();
        make_room(*session);
        session->resume();
    }
}

void KeptSessions::forget(Channel& channel) {
    if (observer_ == &channel)
        observer_ = nullptr;
}

void KeptSessions::resume_all() {
    for (const auto& [number, session] : sessions_)
        session->resume();
}

void KeptSessions::stop_all(int signal) {
    for (const auto& [number, session] : sessions_)
        if (session->session() != nullptr)
            session->session()->stop(signal);
}

std::size_t KeptSessions::live_count() const {
    return sessions_.size() - ended_.size();
}

void KeptSessions::list(std::vector<wire::SessionInfo>& sessions) const {
    for (const auto& [number, session] : sessions_)
        sessions.push_back(session->info());
}

void KeptSessions::make_room(KeptSession& session) {
    const auto trim = [this](KeptSession& one, std::size_t limit) {
        const std::size_t before = one.replay_.footprint();
        one.replay_.trim(limit, one.observed_);
        footprint_ -= before - one.replay_.footprint();
    };
    trim(session, replay_bytes);
    // Output of ended sessions goes first, then that of the session that needs room.
    for (const std::uint64_t number : ended_) {
        if (footprint_ <= total_bytes)
            return;
        trim(*sessions_[number], 0);
    }
    if (footprint_ > total_bytes)
        trim(session, session.replay_.footprint() -
                          std::min(session.replay_.footprint(), footprint_ - total_bytes));
}

void KeptSessions::ended(KeptSession& session) {
    ended_.push_back(session.number());
    if (ended_.size() > max_ended) {
        const std::uint64_t oldest = ended_.front();
        ended_.pop_front();
        remove(oldest);
    }
}

void KeptSessions::remove(std::uint64_t number) {
    const auto found = sessions_.find(number);
    if (found == sessions_.end())
        return;
    footprint_ -= found->second->replay_.footprint();
    // The session may be the caller: take it out of the table first, so that its destructor finds
    // the table in order.
    const auto removed = std::move(found->second);
    sessions_.erase(found);
}

} // namespace msb::agent
