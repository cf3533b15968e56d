// Does the guest's agent still live? It reports once a second; a guest whose kernel is stuck, or
// whose programs leave its agent no CPU, reports nothing any more, and nobody gets in.
//
// Silence alone proves nothing: the host may be overloaded or have slept, and somebody may have
// stopped the machine to look at it. So time is only counted while the machine could have reported:
// the CPU time that it used (30 s, more than the 20 s after which a kernel calls itself locked up), or
// the time that it lay asleep (2 min), of which a machine that is stopped or waits for the host has
// none. Where the host does not show either, 10 min by the clock have to do.
#pragma once

#include "engine/engine.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace msb {

class HeartbeatWatch {
  public:
    using Clock = std::chrono::steady_clock;

    static constexpr std::chrono::seconds period{1}; ///< of looks
    /// Fewer heartbeats than that in a row are not worth a look at the machine.
    static constexpr int first_looks = 3;
    static constexpr std::chrono::seconds most_work{30};
    static constexpr std::chrono::seconds most_sleep{120};
    static constexpr std::chrono::seconds most_unseen{600};

    void beat() { *this = {}; }
    /// Whether it is time to look at the machine. To be asked once a period.
    bool is_late() { return ++looks_ > first_looks; }
    /// What has been seen then: why the agent is to be given up, or nothing yet.
    std::optional<std::string> look(Clock::time_point now,
                                    const std::optional<engine::Activity>& machine);

  private:
    int looks_ = 0;
    std::optional<Clock::time_point> last_;
    std::optional<std::chrono::nanoseconds> cpu_time_; ///< at the last look
    std::chrono::nanoseconds worked_{};
    std::chrono::nanoseconds slept_{};
    std::chrono::nanoseconds unseen_{};
};

} // namespace msb
