// The kind way down: stop signal, grace, SIGKILL, sync, power off.
#pragma once

#include "agent/boot.hpp"
#include "agent/server.hpp"

namespace msb::agent {

class Stopper {
  public:
    Stopper(Server& server, Machine& machine) : server_(server), machine_(machine) {}

    /// Sends the stop signals. `request` overrides the sandbox's grace.
    void begin(const wire::Shutdown& request);
    /// To be called after every round of the loop: once nothing runs any more, or the grace is
    /// over, powers off and does not return.
    void poll();

  private:
    void signal_others();
    bool processes_left() const;
    void kill_all();
    [[noreturn]] void finish();

    Server& server_;
    Machine& machine_;
    bool active_ = false;
    EventLoop::Clock::time_point deadline_{};
};

/// Ends the machine. Does not return even if the kernel refuses.
[[noreturn]] void power_off();

} // namespace msb::agent
