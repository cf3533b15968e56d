// When is a sandbox idle? The guest says what it does, once a second; the host's clock says for how
// long it has done nothing. A guest that says nothing is never taken for an idle one: it may be
// busy, and its last word may be old.
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
    /// The guest is in use in a way that it does not see itself.
    void used(Clock::time_point now) { last_activity_ = now; }
    /// True if the sandbox has been idle for the limit. None of the guest's numbers is computed
    /// with: they are the same as the last time, or they are not.
    bool observe(const wire::Heartbeat& heartbeat, Clock::time_point now);

  private:
    std::chrono::seconds limit_;
    std::uint64_t activity_seq_ = 0;
    Clock::time_point last_activity_{};
};

} // namespace msb
