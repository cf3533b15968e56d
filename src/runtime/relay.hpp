// The relay: host clients on agent.sock <-> guest agent over vsock.
//
// Theory of operation. Every client gets its own guest connection, so nothing is shared between
// clients but the virtqueues. Bytes move only when both sides have room: a client that stops
// reading lets its outgoing buffer fill, the relay stops consuming its guest connection, vsock
// credit runs out, and the agent stops reading that client's commands. No other client notices.
//
// Clients of the published protocol may ask for the sandbox's end, too. All other requests of the
// host's commands come through a socket of their own (host_channel.hpp).
//
// Guest and clients are both hostile. A client's frame must carry an id of its range (or be a
// shutdown with id 0) and must not be a control-plane message; a frame that breaks the framing
// closes that client only. What comes from the guest is checked for framing and decoded only to
// feed exec.log.
#pragma once

#include "base/event_loop.hpp"
#include "base/fd.hpp"
#include "device/vsock/stream.hpp"
#include "logs/exec_log.hpp"
#include "wire/messages.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>

namespace msb {

class Relay {
  public:
    static constexpr std::size_t max_clients = 128;
    static constexpr std::uint32_t id_step = 0xffffffffU / max_clients;

    struct Events {
        /// A client asked for a shutdown.
        std::function<void(const wire::Shutdown&)> shutdown;
        /// A client starts or makes a session that outlives its connection.
        std::function<void()> session_kept;
        /// A client asked for a drain.
        std::function<void()> drain;
    };

    Relay(EventLoop& loop, device::Dial dial, ExecLog& log, Events events);
    ~Relay();
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    /// Starts accepting. Clients that connected earlier waited in the listen backlog. `ready` is
    /// the guest's core.ready frame, sent to each client behind its id range.
    Status serve(OwnedFd listener, Bytes ready);
    /// Closes the listener; clients that are connected stay until the guest ends.
    void stop_accepting();
    /// The guest has ended. Clients that are behind are given what it still sent; `done` is called
    /// once they have it, or none of them has taken anything for a while (wire::reader_patience),
    /// or the time is up.
    void finish(EventLoop::Clock::time_point deadline, std::function<void()> done);

    std::uint64_t& session_counter() { return session_counter_; }
    std::size_t client_count() const { return clients_.size(); }
    /// Bytes that clients have taken, all together.
    std::uint64_t taken() const { return taken_; }
    /// The log has written something: clients that waited for it go on.
    void log_progress();

  private:
    class Client;
    void accept_client();
    void remove(std::size_t slot);
    void took(std::size_t count);
    void check_finished();

    struct Finish {
        EventLoop::Clock::time_point deadline;
        std::function<void()> done;
        EventLoop::Clock::time_point last_chance; ///< for who has not taken anything for long
    };

    EventLoop& loop_;
    device::Dial dial_;
    ExecLog& log_;
    Events events_;
    OwnedFd listener_;
    Bytes ready_;
    std::uint64_t session_counter_ = 0;
    std::uint64_t taken_ = 0;
    EventLoop::Clock::time_point taken_at_{};
    std::map<std::size_t, std::shared_ptr<Client>> clients_; ///< by slot
    std::optional<Finish> finish_;
};

} // namespace msb
