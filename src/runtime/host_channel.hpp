// The runtime's door for the host's commands: runtime.sock, and the host.* messages
// (wire/host_messages.hpp). It stands beside agent.sock, whose frames belong to clients and guest;
// nothing that comes in here reaches the guest as it is, and nothing of the guest comes out.
//
// A process that can connect has this user's rights anyway, but its requests are checked all the
// same: the number of connections is bounded, and for each the bytes and the time until its request
// is complete. There is one answer at a time, which has to fit the socket. An invalid request is
// answered by core.error, and the connection is closed.
#pragma once

#include "base/event_loop.hpp"
#include "base/fd.hpp"
#include "wire/frame.hpp"
#include "wire/host_messages.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>

namespace msb {

class HostChannel {
  public:
    /// What came of a request that takes a moment.
    using Reply = std::function<void(const Status&)>;
    /// What it can be asked to do. They return when it has begun.
    struct Requests {
        std::function<void(const wire::HostShutdown&)> shutdown;
        std::function<void()> drain;
        std::function<wire::HostStatusReport()> status;
        std::function<void(const wire::HostNetworkPolicy&, Reply)> network_policy;
        /// An error: refused.
        std::function<Status(const wire::HostFreeze&)> freeze;
        std::function<void(const wire::HostThaw&)> thaw;
        std::function<wire::HostFreezeReport()> freeze_status;
        std::function<Status(const wire::HostRootDiskGrow&)> grow_root_disk;
        std::function<wire::HostRootDiskReport()> root_disk_status;
    };

    static constexpr std::size_t max_connections = 32;
    /// How long a connection may be without a request, and a request may take to be complete.
    static constexpr std::chrono::milliseconds patience{10'000};

    HostChannel(EventLoop& loop, Requests requests);
    ~HostChannel();
    HostChannel(const HostChannel&) = delete;
    HostChannel& operator=(const HostChannel&) = delete;

    /// Starts accepting.
    Status serve(OwnedFd listener);
    std::size_t connection_count() const { return connections_.size(); }

  private:
    struct Connection {
        OwnedFd socket;
        wire::FrameReader in;
        std::uint64_t number = 0; ///< no other one has it
        EventLoop::TimerId timer = 0;
        std::uint64_t frozen = 0; ///< the guest is, for this connection; it thaws when that ends
    };
    void accept_one();
    void read(int socket);
    void restart_timer(Connection& connection);
    /// False: the connection is over.
    bool take_requests(Connection& connection);
    bool take(Connection& connection, const wire::Frame& frame);
    bool answer(Connection& connection, const wire::Frame& frame, const wire::Envelope& envelope);
    /// Answers on the connection that asked, if it is still there.
    Reply reply_to(const Connection& connection, const wire::Frame& frame, std::string type);
    void drop(int socket);

    EventLoop& loop_;
    Requests requests_;
    OwnedFd listener_;
    std::map<int, Connection> connections_; ///< by socket
    std::uint64_t next_number_ = 1;
};

} // namespace msb
