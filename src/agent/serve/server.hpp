// The serving half of the agent: clients, their sessions, children, activity, stopping.
//
// One thread, one loop. Nothing here waits: what one client does costs the others at most the
// handling of one bounded read.
#pragma once

#include "agent/core/file_threads.hpp"
#include "agent/core/workers.hpp"
#include "agent/exec/kept_sessions.hpp"
#include "agent/exec/limits.hpp"
#include "base/event_loop.hpp"
#include "base/fd.hpp"
#include "wire/messages.hpp"

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace msb::agent {

class Client;
class Launch;

/// What every command of this sandbox starts from.
struct ServerConfig {
    std::vector<wire::KeyValue> environment;
    std::string user;            ///< "USER[:GROUP]", empty = root
    std::string directory = "/"; ///< working directory of requests that name none
    std::vector<ResourceLimit> limits;
    bool restricted = false;
    bool switch_user = true;  ///< false when the agent is not root (tests on a host)
    bool scripts = false;     ///< /.msb/scripts exists and goes in front of PATH
    bool beside_init = false; ///< the agent is not process 1: it protects itself, not its commands
    int stop_signal = 15;
    std::chrono::milliseconds stop_grace{10'000};
    /// For looking a name up and connecting, of a client's connection (core.tcp).
    std::chrono::milliseconds connect_timeout{30'000};
};

class Server {
  public:
    /// Blocks SIGCHLD (beside an init also SIGTERM) and ignores SIGPIPE in this process, and reaps
    /// every child of it.
    static Result<std::unique_ptr<Server>> create(EventLoop& loop, ServerConfig config);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// One round of the loop, then everything that was queued for clients is sent.
    Status step(EventLoop::Clock::duration timeout);

    /// Takes over a connected stream socket. Closed at once beyond max_clients.
    void add_client(OwnedFd socket);
    std::size_t client_count() const { return clients_.size(); }

    /// Called whenever a client or the control channel asks to shut down. From then on commands are
    /// refused.
    std::function<void(const wire::Shutdown&)> on_shutdown;
    void request_shutdown(const wire::Shutdown& request);
    bool stopping() const { return stopping_; }
    /// Beside an init: SIGTERM came, as from an init that ends everything. Unset: it is ignored.
    std::function<void()> on_terminate;
    /// Refuses new commands and lets those that run finish.
    void request_drain() { draining_ = true; }
    /// A drain was asked for, and no command and no file transfer is left.
    bool drained() const;
    /// Why no command may start any more; empty while it may.
    std::string_view refusal() const;
    /// Sends the stop signal to the process group of every session, and a hang-up to terminals.
    void signal_sessions();
    /// The process is a session leader that a client's command was started as.
    bool is_session(pid_t pid) const { return sessions_.contains(pid); }
    /// Ends all file operations of all clients, so that the root can be unmounted.
    void end_file_operations();
    /// Or connections on their way to a Unix socket.
    bool has_file_operations() const {
        return file_threads_->busy_count() + connect_threads_->busy_count() > 0;
    }
    /// Output of commands that was read, and the part of it, with everything else, that clients
    /// have not taken. Both stand still if no client reads.
    std::pair<std::uint64_t, std::size_t> output_state() const;

    /// Counts of core.heartbeat, without time stamps.
    wire::Heartbeat activity() const;
    /// The whole message but its number. Its last_activity is late by up to a heartbeat's period.
    wire::Heartbeat heartbeat();

    // --- for Client and Session ---
    EventLoop& loop() { return loop_; }
    Workers& workers() { return workers_; }
    const ServerConfig& config() const { return config_; }
    void mark_dirty(Client& client);
    /// Deletes the client (and ends its sessions) after the current handler.
    void drop_later(Client& client);
    KeptSessions& kept() { return kept_; }
    /// Numbers of sessions; the host's, where it announced one.
    std::uint64_t take_session_number(std::uint64_t announced);
    bool has_session(std::uint64_t number) const;
    /// By number; null if there is none that runs.
    Session* find_session(std::uint64_t number);
    std::vector<wire::SessionInfo> list_sessions() const;
    void register_child(pid_t pid, Session& session) { sessions_[pid] = &session; }
    void forget_child(pid_t pid) { sessions_.erase(pid); }
    /// The child runs its own program now.
    void child_executed(pid_t pid) const;
    /// Keeps a launch whose session is gone until its child has left our memory.
    void adopt(std::unique_ptr<Launch> launch);
    void count_host_message(bool is_activity);
    void count_guest_message(bool is_activity);
    void count_output(std::size_t bytes) { counters_.exec_output_bytes += bytes; }
    void count_tcp(std::size_t bytes) { counters_.tcp_bytes += bytes; }
    void count_file_bytes(std::size_t bytes) { counters_.fs_bytes += bytes; }
    std::uint64_t activity_seq() const { return activity_seq_; }
    /// For system calls on the guest's file systems, which may block for ever.
    FileThreads& file_threads() { return *file_threads_; }
    /// For walking to Unix sockets, which may, too: of its own, so that those that are stuck leave
    /// room for operations on files.
    FileThreads& connect_threads() { return *connect_threads_; }
    std::shared_ptr<Mailbox> mailbox() { return mailbox_; }

    static constexpr std::size_t max_clients = 512;

  private:
    Server(EventLoop& loop, ServerConfig config);
    void flush();
    void take_signals();
    void reap();
    void drop_clients();

    EventLoop& loop_;
    ServerConfig config_;
    Workers workers_;
    std::shared_ptr<FileThreads> file_threads_ = FileThreads::create();
    std::shared_ptr<FileThreads> connect_threads_ = FileThreads::create();
    std::shared_ptr<Mailbox> mailbox_;
    OwnedFd signals_;
    KeptSessions kept_{*this};
    std::uint64_t last_session_ = 0;
    std::unordered_map<Client*, std::unique_ptr<Client>> clients_;
    std::unordered_map<pid_t, Session*> sessions_;
    std::unordered_map<int, std::unique_ptr<Launch>> adopted_;
    std::vector<Client*> dirty_;
    std::vector<Client*> dropped_;
    bool stopping_ = false;
    bool draining_ = false;
    std::uint64_t activity_seq_ = 0;
    std::uint64_t told_activity_seq_ = 0;
    std::uint64_t last_activity_ns_ = 0;
    wire::ActivityCounters counters_;
};

} // namespace msb::agent
