// One command in a sandbox, seen from a client.
#pragma once

#include "client/agent_client.hpp"

namespace msb {

struct ExecEvents {
    std::function<void(std::uint32_t guest_pid)> started;
    std::function<void(BytesView)> out; ///< stdout; with a PTY, everything
    std::function<void(BytesView)> err;
    std::function<void(const wire::ExecStdinError&)> stdin_error;
    std::function<void(const wire::ExecExited&)> exited;
    std::function<void(const wire::ExecFailed&)> failed;
    /// core.error, an undecodable message, or a lost connection. After one of exited, failed and
    /// broken nothing more is called.
    std::function<void(const Error&)> broken;
};

class ExecSession {
  public:
    ExecSession(AgentClient& client, const wire::ExecRequest& request, ExecEvents events);
    ~ExecSession();
    ExecSession(const ExecSession&) = delete;
    ExecSession& operator=(const ExecSession&) = delete;

    void write_stdin(BytesView data);
    void close_stdin();
    void signal(int number) { client_.send(id_, wire::ExecSignal{number}); }
    void resize(std::uint16_t rows, std::uint16_t cols) {
        client_.send(id_, wire::ExecResize{rows, cols});
    }

  private:
    void handle(const wire::Envelope& envelope);
    template <typename M, typename Deliver> void deliver(BytesView payload, Deliver call);

    AgentClient& client_;
    ExecEvents events_;
    std::uint32_t id_;
};

/// Largest piece of stdin that goes into one frame.
inline constexpr std::size_t stdin_chunk = std::size_t{64} << 10;

} // namespace msb
