// Writes the output of one guest connection's exec sessions to exec.log. Its input comes from the
// guest and is not trusted.
#pragma once

#include "logs/exec_log.hpp"
#include "logs/stream.hpp"
#include "wire/messages.hpp"

#include <cstdint>
#include <unordered_map>

namespace msb {

class SessionRecorder {
  public:
    /// `counter` numbers the sessions of this run, from 1.
    SessionRecorder(ExecLog& log, std::uint64_t& counter) : log_(log), counter_(counter) {}
    ~SessionRecorder();
    SessionRecorder(const SessionRecorder&) = delete;
    SessionRecorder& operator=(const SessionRecorder&) = delete;
    /// The number of the session that the request starts; 0 if there are too many, or if the id has
    /// one, so that the agent will refuse it. Sessions that belong to no connection (`detach`) are
    /// recorded by the SessionObserver.
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

} // namespace msb
