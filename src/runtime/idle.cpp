#include "runtime/idle.hpp"

namespace msb {

bool IdleWatch::observe(const wire::Heartbeat& heartbeat, Clock::time_point now) {
    // A running command counts even if it is silent. Open file and connection streams count by the
    // data they move.
    if (heartbeat.active_exec_sessions > 0 || heartbeat.activity_seq != activity_seq_)
        last_activity_ = now;
    activity_seq_ = heartbeat.activity_seq;
    return limit_.count() > 0 && now - last_activity_ >= limit_;
}

} // namespace msb
