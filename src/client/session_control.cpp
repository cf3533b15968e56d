#include "client/session_control.hpp"

namespace msb {

namespace {

Error to_error(const wire::SessionFailed& failed) {
    const ErrorKind kind = failed.kind == wire::SessionFailure::not_found ? ErrorKind::not_found
                           : failed.kind == wire::SessionFailure::busy    ? ErrorKind::busy
                                                                          : ErrorKind::unsupported;
    return Error(kind, failed.message);
}

/// One request and its answers. `take` looks at each and says whether it was the last.
class Exchange {
  public:
    using Take = std::function<Result<bool>(const wire::Envelope&)>;

    Exchange(EventLoop& loop, AgentClient& client, Take take)
        : loop_(loop), client_(client), take_(std::move(take)) {
        id_ = client_.open_id([this](const wire::Frame&, const wire::Envelope& envelope) {
            end_if_done(handle(envelope));
        });
        client_.on_closed([this](const Error& error) { end_if_done(fail(error)); });
        timer_ = loop_.after(session_answer_time, [this] {
            end_if_done(fail(ErrorKind::timed_out, "the sandbox's agent does not answer"));
        });
    }
    ~Exchange() {
        loop_.cancel(timer_);
        client_.on_closed({});
        client_.release(id_);
    }
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    template <typename M> Status run(const M& request) {
        client_.send(id_, request);
        MSB_TRY(loop_.run());
        if (!done_) // somebody else stopped the loop
            return fail(ErrorKind::cancelled, "cancelled");
        return std::move(status_);
    }

  private:
    Result<bool> handle(const wire::Envelope& envelope) {
        if (envelope.type == wire::SessionFailed::type)
            return fail(to_error(MSB_TRY(wire::SessionFailed::decode(envelope.payload))));
        if (envelope.type == wire::CoreError::type) {
            const auto error = MSB_TRY(wire::CoreError::decode(envelope.payload));
            return fail(Error(ErrorKind::unsupported,
                              "the sandbox's agent refused the request: " + error.message)
                            .with_hint("a sandbox that was started by an older version has to be "
                                       "restarted for this"));
        }
        return take_(envelope);
    }
    void end_if_done(const Result<bool>& done) {
        if (done && !*done)
            return;
        if (!done)
            status_ = fail(done.error());
        done_ = true;
        loop_.stop();
    }

    EventLoop& loop_;
    AgentClient& client_;
    Take take_;
    std::uint32_t id_ = 0;
    EventLoop::TimerId timer_ = 0;
    bool done_ = false;
    Status status_;
};

} // namespace

Result<std::vector<wire::SessionInfo>> list_sessions(EventLoop& loop, AgentClient& client) {
    std::vector<wire::SessionInfo> sessions;
    Exchange exchange(loop, client, [&](const wire::Envelope& envelope) -> Result<bool> {
        if (envelope.type != wire::SessionListed::type)
            return false;
        sessions = MSB_TRY(wire::SessionListed::decode(envelope.payload)).sessions;
        return true;
    });
    MSB_TRY(exchange.run(wire::SessionList{}));
    return sessions;
}

Status signal_session(EventLoop& loop, AgentClient& client, std::uint64_t session, int signal) {
    Exchange exchange(loop, client, [](const wire::Envelope& envelope) -> Result<bool> {
        return envelope.type == wire::SessionSignalled::type;
    });
    return exchange.run(wire::SessionSignal{session, signal});
}

Result<std::variant<std::uint64_t, wire::ExecFailed>>
start_detached(EventLoop& loop, AgentClient& client, wire::ExecRequest request) {
    request.detach = true;
    std::variant<std::uint64_t, wire::ExecFailed> outcome;
    Exchange exchange(loop, client, [&](const wire::Envelope& envelope) -> Result<bool> {
        if (envelope.type == wire::ExecStarted::type) {
            const auto started = MSB_TRY(wire::ExecStarted::decode(envelope.payload));
            if (!started.session)
                return fail(ErrorKind::unsupported,
                            "the sandbox's agent does not know detached sessions");
            outcome = *started.session;
            return true;
        }
        if (envelope.type == wire::ExecFailed::type) {
            outcome = MSB_TRY(wire::ExecFailed::decode(envelope.payload));
            return true;
        }
        return false;
    });
    MSB_TRY(exchange.run(request));
    return outcome;
}

} // namespace msb
