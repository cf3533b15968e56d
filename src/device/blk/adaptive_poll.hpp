// Decides whether to look at a ring for some microseconds before sleeping until the next kick.
//
// A kick costs the guest a system call and us a wake-up, tens of microseconds together. When the
// guest's requests have lately come closer together than that, waiting awake is cheaper; when they
// have not, it would only burn CPU that the guest could use.
#pragma once

#include <algorithm>
#include <chrono>

namespace msb::device {

class AdaptivePoll {
  public:
    using Clock = std::chrono::steady_clock;
    using Duration = Clock::duration;
    /// Longest wait. About what a kick and its wake-up cost.
    static constexpr Duration limit = std::chrono::microseconds(50);

    /// The rings have just become empty.
    void idle() { idle_since_ = Clock::now(); }
    /// A request has come, found by polling or announced by a kick.
    void busy() {
        const Duration gap = std::min<Duration>(Clock::now() - idle_since_, 8 * limit);
        average_gap_ += (gap - average_gap_) / 4;
    }
    /// How long to poll after idle(): zero if the next request is not expected within the limit.
    Duration window() const {
        return average_gap_ > limit ? Duration::zero() : std::min(2 * average_gap_, limit);
    }
    Clock::time_point idle_since() const { return idle_since_; }

  private:
    Clock::time_point idle_since_{};
    Duration average_gap_ = 8 * limit;
};

} // namespace msb::device
