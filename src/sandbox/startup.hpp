// The command of a detached `run`: the runtime itself is its client, so that it outlives the
// command line that asked for it. Its output goes to exec.log only.
#pragma once

#include "sandbox/launch.hpp"
#include "sandbox/relay.hpp"

#include <functional>
#include <memory>

namespace msb {

class StartupRun {
  public:
    struct Outcome {
        int exit_code = 0;  ///< as a shell reports it
        std::string detail; ///< why it could not start; empty otherwise
    };

    StartupRun(device::Vsock& vsock, SessionRecorder recorder, const StartupCommand& command,
               std::function<void(Outcome)> ended);
    ~StartupRun();
    StartupRun(const StartupRun&) = delete;
    StartupRun& operator=(const StartupRun&) = delete;

  private:
    static constexpr std::uint32_t session_id = 1;
    void flush();
    void read();
    void handle(const wire::Frame& frame);
    void end(Outcome outcome);

    std::shared_ptr<device::VsockConnection> connection_;
    SessionRecorder recorder_;
    std::function<void(Outcome)> ended_;
    wire::FrameReader in_;
    Bytes out_;
};

} // namespace msb
