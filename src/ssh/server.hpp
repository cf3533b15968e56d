// The SSH server of one client. Runs in a jail that has the client's stream and connections to one
// sandbox's agent, and nothing else: it parses what the client sends.
#pragma once

#include "base/event_loop.hpp"
#include "ssh/channel.hpp"
#include "ssh/job.hpp"
#include "ssh/session_channel.hpp"

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <list>
#include <memory>
#include <optional>

namespace msb::ssh {

class Server {
  public:
    Server(EventLoop& loop, Agents agents, const Job& job);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Takes over the descriptor; returns when the client has gone, or has to.
    Status run(int client);

    /// The client was told why run() failed.
    bool told() const { return told_; }

    static constexpr std::size_t max_channels = 64;
    static constexpr int max_auth_tries = 6;
    static constexpr std::chrono::seconds auth_time{60};

  private:
    Status accept(int client);
    Status turn();
    bool refuses(ssh_message message);
    void turn_channels();
    Status check_time();
    void update_interest(int client);
    int authenticate(const char* user, ssh_key key, char state);
    ssh_channel open_session();

    EventLoop& loop_;
    Agents agents_;
    const Job& job_;
    ssh_bind bind_ = nullptr;
    ssh_session session_ = nullptr;
    ssh_event event_ = nullptr;
    ssh_server_callbacks_struct callbacks_{};
    std::optional<Error> agent_lost_;
    bool keys_exchanged_ = false;
    bool authenticated_ = false;
    bool told_ = false;
    int refusals_ = 0;
    std::string user_;
    std::list<std::unique_ptr<Channel>> channels_;
    std::uint64_t moved_ = 0; ///< bytes of all channels when somebody last looked
    EventLoop::Clock::time_point begun_ = EventLoop::Clock::now();
    EventLoop::Clock::time_point active_ = begun_;
    std::uint32_t interest_ = 0;
};

} // namespace msb::ssh
