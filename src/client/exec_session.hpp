// One command in a sandbox, seen from a client: started by it, or attached to.
#pragma once

#include "base/out_buffer.hpp"
#include "client/agent_client.hpp"
#include "wire/flow.hpp"

namespace msb {

struct ExecEvents {
    std::function<void(std::uint32_t guest_pid)> started;
    std::function<void(BytesView)> out; ///< stdout; with a PTY, everything
    std::function<void(BytesView)> err;
    std::function<void(const wire::ExecStdinError&)> stdin_error;
    std::function<void(const wire::ExecExited&)> exited;
    std::function<void(const wire::ExecFailed&)> failed;
    /// core.error, an undecodable message, or a lost connection. After one of exited, failed,
    /// detached, refused and broken nothing more is called.
    std::function<void(const Error&)> broken;
    // The rest may be left empty.
    std::function<void(std::uint64_t session)> kept{};            ///< `detach` was asked for
    std::function<void(const wire::SessionAttached&)> attached{}; ///< instead of started
    std::function<void(const wire::SessionDetached&)> detached{}; ///< it goes on without us
    std::function<void(const wire::SessionFailed&)> refused{};    ///< attaching or detaching
    std::function<void()> input_room{};                           ///< wants_input() turned true
};

class ExecSession {
  public:
    ExecSession(AgentClient& client, const wire::ExecRequest& request, ExecEvents events);
    ExecSession(AgentClient& client, const wire::SessionAttach& request, ExecEvents events);
    ~ExecSession();
    ExecSession(const ExecSession&) = delete;
    ExecSession& operator=(const ExecSession&) = delete;

    /// Queues what the window does not permit yet: pause while wants_input() is false.
    void write_stdin(BytesView data);
    bool wants_input() const { return pending_.empty(); }
    /// Ends the input after what was written.
    void close_stdin();
    void signal(int number) { client_.send(id_, wire::ExecSignal{number}); }
    void resize(std::uint16_t rows, std::uint16_t cols) {
        client_.send(id_, wire::ExecResize{rows, cols});
    }
    /// Leaves the command running; `detached` or `refused` follows.
    void detach() { client_.send(id_, wire::SessionDetach{}); }

  private:
    void handle(const wire::Envelope& envelope);
    void handle_session(const wire::Envelope& envelope);
    template <typename M, typename Deliver> void deliver(BytesView payload, Deliver call);
    void answered();
    void send_pending();

    AgentClient& client_;
    ExecEvents events_;
    std::uint32_t id_;
    wire::SendWindow window_;
    OutBuffer pending_;
    bool closing_ = false;
};

/// Largest piece of stdin that goes into one frame.
inline constexpr std::size_t stdin_chunk = std::size_t{256} << 10;

} // namespace msb
