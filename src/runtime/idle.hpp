// Decides when a sandbox is idle. The guest reports its activity once a second; the host's clock
// measures for how long there was none. A guest that reports nothing is never taken to be idle: it
// may be busy, and its last report may be old.
#pragma once

#include "wire/messages.hpp"

#include <chrono>

namespace msb {

class IdleWatch {
  public:
    using Clock = std::chrono::steady_clock;

    /// Zero: never idle.
    explicit IdleWatch(std::chrono::seconds limit) : limit_(limit) {}

    /// The guest is ready: from here on it can be idle.
    void start(Clock::time_point now) { last_activity_ = now; }
    /// The guest is used in a way that it does not notice itself.
    void used(Clock::time_point now) { last_activity_ = now; }
    /// True if the sandbox has been idle for the limit. The guest's numbers are only compared with
    /// the previous ones; nothing is computed from them.
    bool observe(const wire::Heartbeat& heartbeat, Clock::time_point now);

  private:
    std::chrono::seconds limit_;
    std::uint64_t activity_seq_ = 0;
    Clock::time_point last_activity_{};
};

} // namespace msb
