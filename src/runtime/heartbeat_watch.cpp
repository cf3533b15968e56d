#include "runtime/heartbeat_watch.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace msb {

std::optional<std::string> HeartbeatWatch::look(Clock::time_point now,
                                                const std::optional<engine::Activity>& machine) {
    using std::chrono::nanoseconds;
    // Two periods at most, whatever the clock says: if we did not get to look, neither did we get to
    // read heartbeats.
    const auto bounded = [](nanoseconds time) {
        return std::clamp<nanoseconds>(time, nanoseconds(0), 2 * period);
    };
    const nanoseconds passed = last_ ? bounded(now - *last_) : nanoseconds(0);
    last_ = now;
    if (machine) {
        if (cpu_time_)
            worked_ += bounded(machine->cpu_time - *cpu_time_);
        cpu_time_ = machine->cpu_time;
        if (machine->asleep)
            slept_ += passed;
    } else {
        unseen_ += passed;
    }
    const auto say = [](std::chrono::seconds limit, const char* what) {
        return fmt::format("the agent sent nothing in {} s{}", limit.count(), what);
    };
    if (worked_ >= most_work)
        return say(most_work, " of the guest's CPU time");
    if (slept_ >= most_sleep)
        return say(most_sleep, " that the guest slept");
    if (unseen_ >= most_unseen)
        return say(most_unseen, "");
    return std::nullopt;
}

} // namespace msb
