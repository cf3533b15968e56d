// The relay: host clients on agent.sock <-> guest agent over vsock.
//
// Theory of operation. Every client gets its own guest connection, so nothing is shared between
// clients but the virtqueues. Bytes move only when both sides have room: a client that stops
// reading lets its outgoing buffer fill, the relay stops consuming its guest connection, vsock
// credit runs out, and the agent stops reading that client's commands. No other client notices.
//
// Guest and clients are both hostile. A client's frame must carry an id of its range (or be a
// shutdown with id 0) and must not be a control-plane message; a frame that breaks the framing
// closes that client only. What comes from the guest is checked for framing and decoded only to
// feed exec.log.
#pragma once

#include "base/event_loop.hpp"
#include "base/fd.hpp"
#include "device/vsock/vsock.hpp"
#include "logs/exec_log.hpp"
#include "logs/stream.hpp"
#include "wire/messages.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>

namespace msb {

/// Writes the output of one guest connection's exec sessions to exec.log.
class SessionRecorder {
  public:
    /// `counter` numbers the sessions of this run, from 1.
    SessionRecorder(ExecLog& log, std::uint64_t& counter) : log_(log), counter_(counter) {}
    ~SessionRecorder();
    SessionRecorder(const SessionRecorder&) = delete;
    SessionRecorder& operator=(const SessionRecorder&) = delete;
    /// The number of the session that the request starts; 0 if there are too many, or if the id has
    /// one, so that the agent will refuse it. What belongs to no connection (`detach`) is for the
    /// SessionObserver to record.
    std::uint64_t request(std::uint32_t id, const wire::ExecRequest& request);
    /// True if a session ended with this: everything it wrote has been given to the log.
    bool from_guest(std::uint32_t id, const wire::Envelope& envelope);

  private:
    struct Session {
        std::uint64_t number = 0;
        bool tty = false;
        /// `refused`: the agent has refused a request with this id, most likely this one.
        enum class State : std::uint8_t { asked, refused, started } state = State::asked;
        LogStream out;
        LogStream err;
    };
    void finish(Session& session);

    ExecLog& log_;
    std::uint64_t& counter_;
    std::unordered_map<std::uint32_t, Session> sessions_;
};

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

    Relay(EventLoop& loop, device::Vsock& vsock, ExecLog& log, Events events);
    ~Relay();
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    /// Starts accepting. Clients that connected earlier waited in the listen backlog. `ready` is
    /// the guest's core.ready frame, sent to each client behind its id range.
    Status serve(OwnedFd listener, Bytes ready);
    /// Closes the listener; clients that are connected stay until the guest ends.
    void stop_accepting();
    /// The guest has ended. Clients that are behind are given what it still sent; `done` is called
    /// once they have it, or none of them has read for a second, or the time is up.
    void finish(EventLoop::Clock::time_point deadline, std::function<void()> done);

    std::uint64_t& session_counter() { return session_counter_; }
    /// The log has written something: clients that waited for it go on.
    void log_progress();

  private:
    class Client;
    void accept_client();
    void remove(std::size_t slot);
    void check_finished();

    struct Finish {
        EventLoop::Clock::time_point deadline;
        std::function<void()> done;
        std::size_t owed = 0; ///< to clients, when we last looked
        EventLoop::Clock::time_point progress;
    };

    EventLoop& loop_;
    device::Vsock& vsock_;
    ExecLog& log_;
    Events events_;
    OwnedFd listener_;
    Bytes ready_;
    std::uint64_t session_counter_ = 0;
    std::map<std::size_t, std::shared_ptr<Client>> clients_; ///< by slot
    std::optional<Finish> finish_;
};

} // namespace msb
