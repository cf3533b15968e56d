// Connections to one sandbox's agent, kept for the next use: a command on an open connection starts
// three times as fast. Each is used by one session at a time, so that a slow reader delays no
// other.
#pragma once

#include "api/cancel.hpp"
#include "api/failure.hpp"
#include "api/fork_guard.hpp"
#include "client/agent_client.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace msb::api {

struct Connection {
    std::unique_ptr<EventLoop> loop;
    std::unique_ptr<AgentClient> client; ///< of the loop
    ForkGuard guard;
};

class ConnectionPool {
  public:
    /// Connects to the sandbox of this name that was made at this time; 0: any of this name.
    explicit ConnectionPool(std::string name, std::int64_t created_at_ns = 0)
        : name_(std::move(name)), created_at_ns_(created_at_ns) {}
    ~ConnectionPool();
    ConnectionPool(const ConnectionPool&) = delete;
    ConnectionPool& operator=(const ConnectionPool&) = delete;

    /// An idle connection that still works, or a new one.
    Outcome<Connection> take(Cancel* cancel, std::chrono::milliseconds timeout = default_timeout);
    /// Takes back a connection that nobody uses.
    void put_back(Connection connection);

    static constexpr std::chrono::milliseconds default_timeout{10'000};

  private:
    Outcome<Connection> connect(Cancel* cancel, std::chrono::milliseconds timeout);

    std::string name_;
    std::int64_t created_at_ns_;
    std::mutex mutex_;
    std::vector<Connection> idle_;
};

} // namespace msb::api
