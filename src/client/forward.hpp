// Ports and sockets of the host that lead into a sandbox: every connection that is accepted becomes
// a stream of one agent connection. Each stream has its own windows, so one that is not read does
// not hold up the others.
#pragma once

#include "client/forward_rule.hpp"

#include <map>
#include <memory>
#include <vector>

namespace msb {

class Forwarder {
  public:
    /// The agent's own bound is 256 streams per client.
    static constexpr std::size_t most_connections = 256;

    /// A connection could not be made in the guest, or broke. `peer` is who connected to us.
    using FailureHandler = std::function<void(const TcpTarget& target, const std::string& peer,
                                              const std::string& message)>;

    /// Takes over the client's drained handler. `max_connections` at once: more wait unaccepted.
    Forwarder(EventLoop& loop, AgentClient& client, std::size_t max_connections,
              FailureHandler failed);
    /// Resets what is connected and removes the sockets it made.
    ~Forwarder();
    Forwarder(const Forwarder&) = delete;
    Forwarder& operator=(const Forwarder&) = delete;

    /// Starts accepting. Returns where, with the port that was chosen. busy: somebody else listens
    /// there; already_exists: the path is no socket.
    Result<ForwardListen> listen(const ForwardRule& rule);
    std::size_t connections() const { return links_.size(); }

  private:
    class Link;
    struct Listener;
    void accept(Listener& listener);
    void watch_listeners(bool on);
    void remove_later(std::uint64_t number);

    EventLoop& loop_;
    AgentClient& client_;
    std::size_t max_connections_;
    FailureHandler failed_;
    std::vector<std::unique_ptr<Listener>> listeners_;
    bool accepting_ = true;
    EventLoop::TimerId retry_timer_ = 0;
    std::map<std::uint64_t, std::unique_ptr<Link>> links_;
    std::uint64_t next_number_ = 1;
    /// Shared with posted tasks, which may run after this object is gone.
    std::shared_ptr<Forwarder*> self_ = std::make_shared<Forwarder*>(this);
};

} // namespace msb
