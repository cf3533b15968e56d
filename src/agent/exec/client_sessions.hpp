// The sessions of one client: those that end with its connection, and the kept ones that it is
// attached to.
#pragma once

#include "agent/core/channel.hpp"
#include "agent/exec/sessions.hpp"

#include <memory>
#include <unordered_map>
#include <utility>

namespace msb::agent {

/// A session that ends with the connection; it reports to the client on its own id.
class ClientSession final : public SessionOwner {
  public:
    ClientSession(ClientSessions& table, std::uint32_t id, std::uint64_t number)
        : table_(table), id_(id), number_(number) {}
    ClientSession(const ClientSession&) = delete;
    ClientSession& operator=(const ClientSession&) = delete;

    std::unique_ptr<Session> session;
    std::uint64_t number() const { return number_; }

    bool accepts_output() override;
    void started(pid_t pid) override;
    void output(bool error, BytesView data) override;
    void input_failed(const wire::ExecStdinError& error) override;
    void grant_input(std::uint64_t bytes) override;
    void input_bound_changed() override;
    void failed(const wire::ExecFailed& failure) override;
    void exited(const wire::ExecExited& exited) override;

  private:
    ClientSessions& table_;
    std::uint32_t id_;
    std::uint64_t number_;
};

class ClientSessions {
  public:
    ClientSessions(Services& services, Children& children, Sessions& all, Channel& channel);
    /// Kills what its own sessions still run.
    ~ClientSessions();
    ClientSessions(const ClientSessions&) = delete;
    ClientSessions& operator=(const ClientSessions&) = delete;

    Channel& channel() { return channel_; }
    bool contains(std::uint32_t id) const { return own_.contains(id) || kept_.contains(id); }
    /// Null if it has ended.
    Session* find(std::uint32_t id);

    // The client's requests. Those that start something need an id that is free.
    void announce(std::uint32_t id, std::uint64_t number) { announced_ = {id, number}; }
    void start(std::uint32_t id, const wire::ExecRequest& request);
    void detach(std::uint32_t id);
    void attach(std::uint32_t id, const wire::SessionAttach& request);
    void signal(std::uint32_t id, const wire::SessionSignal& request);
    void list_all(std::uint32_t id);
    void observe();

    /// The client takes output again.
    void resume_output();
    /// Some session has more input than it should; noticed by check_input_bound().
    bool input_over_bound() const { return input_over_bound_; }
    void check_input_bound();

    // For the table of all sessions: only sessions that end with this connection; kept ones have a
    // table of their own.
    Session* find_number(std::uint64_t number);
    void list(std::vector<wire::SessionInfo>& sessions) const;
    std::size_t live_count() const { return own_.size(); }
    void stop_all(int signal);

    // For kept sessions: the id now belongs to one, or no longer does.
    void add_kept(std::uint32_t id, KeptSession& session) { kept_[id] = &session; }
    void forget_kept(std::uint32_t id);

    static constexpr std::size_t max_sessions = 4096;

  private:
    friend class ClientSession;
    /// The session has ended and sent its last frame: deletes it.
    void remove(std::uint32_t id);

    Services& services_;
    Children& children_;
    Sessions& all_;
    Channel& channel_;
    std::unordered_map<std::uint32_t, std::unique_ptr<ClientSession>> own_;
    std::unordered_map<std::uint32_t, KeptSession*> kept_; ///< attached, or starting
    std::pair<std::uint32_t, std::uint64_t> announced_;    ///< core.session.number: id, number
    bool observer_ = false;
    bool input_over_bound_ = false;
};

} // namespace msb::agent
