// The kind way down: stop signal, grace, SIGKILL, sync, power off.
//
// With an init system as process 1 the grace is shared: first the commands, for half of it at most,
// then the init, which is asked to power off in its own way and does the rest. 5 s after it has heard,
// or when the grace is over, it gets SIGTERM; at the end of the grace, a moment later at least, we
// power off without it.
#pragma once

#include "agent/boot/boot.hpp"
#include "agent/boot/handoff.hpp"
#include "agent/serve/server.hpp"

#include <optional>

namespace msb::agent {

class Stopper {
  public:
    Stopper(Server& server, Machine& machine) : server_(server), machine_(machine) {}

    /// Sends the stop signals. `request` overrides the sandbox's grace.
    void begin(const wire::Shutdown& request);
    /// To be called after every round of the loop: once nothing runs any more, or the grace is
    /// over, powers off and does not return.
    void poll();
    /// Called when the init ends all processes, us included. Stays until clients know how their
    /// commands ended.
    void leave();
    /// A client of the sandbox has taken some of what it is sent.
    void readers_moved() { readers_moved_ = EventLoop::Clock::now(); }
    void host_answered() { host_answered_ = true; }

  private:
    /// What poll() waits for.
    enum class Phase { none, commands, init, told };
    using Clock = EventLoop::Clock;

    void signal_others();
    bool processes_left() const;
    void poll_init();
    void ask_init();
    void poll_leave();
    void flush(Clock::time_point deadline);
    void settle();
    void wake_at(Clock::time_point time);
    void save();
    void kill_all();
    [[noreturn]] void finish();

    Server& server_;
    Machine& machine_;
    Phase phase_ = Phase::none;
    Clock::time_point half_{};
    Clock::time_point deadline_{};
    Clock::time_point ask_again_{};
    Clock::time_point impatient_{}; ///< when an init that has heard gets SIGTERM
    Clock::time_point readers_moved_{};
    bool host_answered_ = false;
    std::optional<Clock::time_point> leave_by_;
    std::optional<InitKind> heard_; ///< the init that knows it
};

/// Ends the machine. Does not return even if the kernel refuses.
[[noreturn]] void power_off();

} // namespace msb::agent
