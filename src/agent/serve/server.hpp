// The serving half of the agent: its clients, their rounds, its end.
//
// One thread, one loop. Nothing here waits: what one client does costs the others at most the
// handling of one bounded read.
#pragma once

#include "agent/core/services.hpp"
#include "agent/exec/children.hpp"
#include "agent/exec/sessions.hpp"
#include "base/fd.hpp"
#include "wire/messages.hpp"

#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace msb::agent {

class Client;

class Server {
  public:
    /// Blocks SIGCHLD (beside an init also SIGTERM) and ignores SIGPIPE in this process, and reaps
    /// every child of it.
    static Result<std::unique_ptr<Server>> create(EventLoop& loop, Config config);
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
    /// Beside an init: SIGTERM came, as from an init that ends everything. Unset: it is ignored.
    std::function<void()> on_terminate;
    /// Refuses new commands and lets those that run finish.
    void request_drain() { services_.draining = true; }
    /// A drain was asked for, and no command and no file transfer is left.
    bool drained() const;
    /// Ends all file operations of all clients, so that the root can be unmounted.
    void end_file_operations();
    /// Whether file operations, or connections to Unix sockets, are still under way.
    bool has_file_operations() const;
    /// Output of commands that was read, and the part of it, with everything else, that clients
    /// have not taken. Both stand still if no client reads.
    std::pair<std::uint64_t, std::size_t> output_state() const;

    /// Counts of core.heartbeat, without time stamps.
    wire::Heartbeat activity() const;
    /// The whole message but its number. Its last_activity is late by up to a heartbeat's period.
    wire::Heartbeat heartbeat();

    Services& services() { return services_; }
    EventLoop& loop() { return services_.loop; }
    Children& children() { return children_; }
    Sessions& sessions() { return sessions_; }

    // --- for Client ---
    void mark_dirty(Client& client);
    /// Deletes the client (and ends its sessions) after the current handler.
    void drop_later(Client& client);

    static constexpr std::size_t max_clients = 512;

  private:
    Server(EventLoop& loop, Config config);
    void flush();
    void take_signals();
    void drop_clients();

    Services services_;
    Children children_{services_};
    Sessions sessions_{services_, children_};
    OwnedFd signals_;
    std::unordered_map<Client*, std::unique_ptr<Client>> clients_;
    std::vector<Client*> dirty_;
    std::vector<Client*> dropped_;
};

} // namespace msb::agent
