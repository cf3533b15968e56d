// Keeps the guest's wall clock on the host's: tells it the time every minute, whenever the host's
// clock is set or the host wakes up, and whenever a heartbeat shows that the guest is off (it was
// stopped, or somebody in it set its clock).
//
// The time is only ever told in answer to a heartbeat. The guest knows when it sent that, so it
// knows how long the answer can have been on its way, and a busy host does not make its clock jump.
#pragma once

#include "base/event_loop.hpp"
#include "wire/messages.hpp"

#include <functional>
#include <memory>

namespace msb {

class ClockKeeper {
  public:
    using Send = std::function<void(const wire::ClockSync&)>;

    /// Needs the loop for as long as it lives.
    static Result<std::unique_ptr<ClockKeeper>> start(EventLoop& loop, Send send);
    ~ClockKeeper();
    ClockKeeper(const ClockKeeper&) = delete;
    ClockKeeper& operator=(const ClockKeeper&) = delete;

    /// A heartbeat has just arrived.
    void observe(const wire::Heartbeat& heartbeat);

    static constexpr std::chrono::seconds period{60};
    /// Least time between two answers, however often the guest sends; heartbeats come once a
    /// second.
    static constexpr std::chrono::milliseconds least_pause{500};
    static constexpr std::chrono::milliseconds tolerance{50};

  private:
    ClockKeeper(EventLoop& loop, Send send) : loop_(loop), send_(std::move(send)) {}
    Status watch_host_clock();
    void schedule();

    EventLoop& loop_;
    Send send_;
    OwnedFd host_clock_;
    EventLoop::TimerId timer_ = 0;
    bool owed_ = true;
    EventLoop::Clock::time_point last_told_{};
};

} // namespace msb
