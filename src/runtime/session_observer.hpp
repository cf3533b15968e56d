// The runtime's own connection to the agent for sessions that no client owns: their output goes to
// exec.log from here, and the command of a detached `run` is started here.
//
// The connection is made with the first such session, so a sandbox without any does not need it.
#pragma once

#include "base/out_buffer.hpp"
#include "device/vsock/stream.hpp"
#include "logs/exec_log.hpp"
#include "logs/stream.hpp"
#include "wire/session_messages.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>

namespace msb {

class SessionObserver {
  public:
    struct End {
        wire::ExecExited exited;
        std::string failure; ///< why it could not start, or why its end is unknown; else empty
    };

    SessionObserver(const device::Dial& dial, ExecLog& log);
    ~SessionObserver();
    SessionObserver(const SessionObserver&) = delete;
    SessionObserver& operator=(const SessionObserver&) = delete;

    /// Starts a command under this session number; no client need ever be attached to it.
    void start(std::uint64_t number, wire::ExecRequest request);
    /// Calls `ended` once, when that session has ended; at once if it has.
    void watch(std::uint64_t number, std::function<void(const End&)> ended);
    /// The log has written something: goes on where it was full.
    void log_progress() { read(); }

  private:
    struct Streams {
        bool tty = false;
        LogStream out;
        LogStream err;
    };
    void record(const wire::SessionOutput& output);
    void end_streams(std::uint64_t number);
    template <typename M> void send(std::uint32_t id, const M& message) {
        wire::append_message(out_.tail(), id, message);
    }
    void flush();
    void read();
    void handle(const wire::Frame& frame);
    void end(std::uint64_t number, const End& end);
    void end_all(const std::string& why);

    std::shared_ptr<device::Stream> connection_;
    ExecLog& log_;
    std::map<std::uint32_t, std::uint64_t> starting_; ///< id -> number
    std::map<std::uint64_t, Streams> streams_;        ///< by number
    std::map<std::uint64_t, std::function<void(const End&)>> watched_;
    /// The last ones, for a watch that comes late.
    std::deque<std::pair<std::uint64_t, End>> ended_;
    std::uint32_t last_id_ = 0;
    wire::FrameReader in_;
    OutBuffer out_;
};

} // namespace msb
