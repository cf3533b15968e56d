// Keeps the guest's wall clock on the host's: tells it the time every minute, whenever the host's
// clock is set or the host wakes up, and whenever a heartbeat shows that the guest is off (it was
// stopped, or somebody in it set its clock).
#pragma once

#include "base/event_loop.hpp"
#include "wire/messages.hpp"

#include <functional>
#include <memory>

namespace msb {

class ClockKeeper {
  public:
    using Send = std::function<void(const wire::ClockSync&)>;

    /// Needs the loop for as long as it lives. `send` is called soon for the first time.
    static Result<std::unique_ptr<ClockKeeper>> start(EventLoop& loop, Send send);
    ~ClockKeeper();
    ClockKeeper(const ClockKeeper&) = delete;
    ClockKeeper& operator=(const ClockKeeper&) = delete;

    /// What the guest's clock showed when it sent a heartbeat that has just arrived.
    void observe(std::uint64_t guest_unix_ns);

    static constexpr std::chrono::seconds period{60};
    /// At most one message a second is owed to heartbeats, whatever the guest sends.
    static constexpr std::chrono::seconds least_pause{1};
    static constexpr std::chrono::milliseconds tolerance{100};

  private:
    ClockKeeper(EventLoop& loop, Send send) : loop_(loop), send_(std::move(send)) {}
    Status watch_host_clock();
    void tell();
    void schedule();

    EventLoop& loop_;
    Send send_;
    OwnedFd host_clock_;
    EventLoop::TimerId timer_ = 0;
    EventLoop::Clock::time_point last_told_{};
};

} // namespace msb
