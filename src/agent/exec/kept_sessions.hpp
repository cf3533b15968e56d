// Sessions that outlive their client (see wire/session_messages.hpp).
//
// Theory of operation. A kept session's output goes three ways: into its replay buffer, to the
// client that is attached (if any), and to the observer, which is the runtime's own connection and
// writes exec.log. The replay buffer forgets its oldest pieces beyond a bound, but never what the
// observer has not been given: a command that writes faster than the host logs waits, as it would
// for an attached client that reads slowly. So memory is bounded, nothing is missing from the log,
// and a session without any reader goes on for ever.
//
// Positions in the replay buffer say who has what: `observed` (given to the observer) and `seen`
// (given to some attached client). What is before `seen` was not missed by anybody.
#pragma once

#include "agent/core/channel.hpp"
#include "agent/exec/replay.hpp"
#include "agent/exec/session.hpp"
#include "wire/session_messages.hpp"

#include <deque>
#include <map>
#include <memory>
#include <optional>

namespace msb::agent {

class ClientSessions;
class KeptSessions;

class KeptSession final : public SessionOwner {
  public:
    KeptSession(KeptSessions& table, std::uint64_t number) : table_(table), number_(number) {}
    KeptSession(const KeptSession&) = delete;
    KeptSession& operator=(const KeptSession&) = delete;

    std::uint64_t number() const { return number_; }
    /// Null once the command has ended.
    Session* session() { return session_.get(); }
    const Session* session() const { return session_.get(); }
    bool attached() const { return client_ != nullptr; }
    wire::SessionInfo info() const;

    /// The client is gone or has detached: forgets it.
    void release();
    void resume();

    bool accepts_output() override;
    void started(pid_t pid) override;
    void output(bool error, BytesView data) override;
    void input_failed(const wire::ExecStdinError& error) override;
    void grant_input(std::uint64_t bytes) override;
    void input_bound_changed() override;
    void failed(const wire::ExecFailed& failure) override;
    void exited(const wire::ExecExited& exited) override;

  private:
    friend class KeptSessions;
    void attach(ClientSessions& client, std::uint32_t id, const wire::SessionAttach& request);
    /// Sends to the attached client, if there is one.
    template <typename M> void tell(const M& message);
    void observe();

    KeptSessions& table_;
    std::uint64_t number_;
    std::unique_ptr<Session> session_;
    wire::SessionInfo last_info_; ///< once the command has ended
    std::optional<wire::ExecExited> end_;
    ClientSessions* client_ = nullptr; ///< attached, or waiting for core.exec.started
    std::uint32_t id_ = 0;             ///< of that client
    bool starting_ = false;
    Replay replay_;
    std::uint64_t seen_ = 0;
    std::uint64_t observed_ = 0;
    bool end_observed_ = false;
};

class KeptSessions {
  public:
    KeptSessions(Services& services, Children& children)
        : services_(services), children_(children) {}
    KeptSessions(const KeptSessions&) = delete;
    KeptSessions& operator=(const KeptSessions&) = delete;

    /// Starts a command that belongs to nobody. The client is told whether it worked, on `id`.
    void start(ClientSessions& client, std::uint32_t id, std::uint64_t number,
               const wire::ExecRequest& request);
    bool full() const { return live_count() >= max_live; }
    /// Takes over a running session. Not when full().
    void keep(std::unique_ptr<Session> session, std::uint64_t number);
    /// False if the id could not be attached; the client has been told why.
    bool attach(KeptSession& kept, ClientSessions& client, std::uint32_t id,
                const wire::SessionAttach& request);
    KeptSession* find(std::uint64_t number);

    void observe(Channel& observer);
    /// The channel is closing; it may be the observer's.
    void forget(Channel& channel);
    /// Kills running commands and forgets all sessions.
    void clear();
    /// The observer has room again.
    void resume_all();

    void stop_all(int signal);
    std::size_t live_count() const;
    void list(std::vector<wire::SessionInfo>& sessions) const;

    static constexpr std::size_t max_live = 256;
    static constexpr std::size_t max_ended = 64;
    static constexpr std::size_t replay_bytes = std::size_t{256} << 10; ///< of one session
    static constexpr std::size_t total_bytes = std::size_t{16} << 20;   ///< of all

  private:
    friend class KeptSession;
    void make_room(KeptSession& session);
    void ended(KeptSession& session);
    void remove(std::uint64_t number);

    Services& services_;
    Children& children_;
    Channel* observer_ = nullptr;
    std::map<std::uint64_t, std::unique_ptr<KeptSession>> sessions_;
    std::deque<std::uint64_t> ended_; ///< oldest first
    std::size_t footprint_ = 0;       ///< of all replay buffers
};

} // namespace msb::agent
