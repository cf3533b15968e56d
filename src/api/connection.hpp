// Connections to one sandbox's agent, kept for the next use: a command on an open connection starts
// three times as fast. Each is used by one session at a time, so that nobody who reads slowly
// delays another.
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
    /// To the sandbox of that name that was made then; 0: to any.
    explicit ConnectionPool(std::string name, std::int64_t created_at_ns = 0)
        : name_(std::move(name)), created_at_ns_(created_at_ns) {}
    ~ConnectionPool();
    ConnectionPool(const ConnectionPool&) = delete;
    ConnectionPool& operator=(const ConnectionPool&) = delete;

    /// An idle one that still stands, or a new one.
    Outcome<Connection> take(Cancel* cancel, std::chrono::milliseconds timeout = default_timeout);
    /// Nothing is going on on it.
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
