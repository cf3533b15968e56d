// The last resort of a process that serves a guest: if its event loop does not come round any more,
// the process ends.
//
// Nothing that a guest holds an end of may block the loop, and every place sees to that by itself.
// This is for the place that somebody has overlooked: without it a process that is stuck would
// outlive every limit that its own timers keep, and hold ports and disks until somebody looks.
#pragma once

#include "base/event_loop.hpp"

#include <chrono>

namespace msb {

/// How often somebody looks, and how often in a row the loop may not have moved. Looks are counted,
/// not time, so a process that was stopped or a machine that slept has not missed any. Long enough
/// for a disk that is slow to answer.
constexpr std::chrono::seconds watchdog_period{15};
constexpr int watchdog_looks = 4;

/// Once a process, on the thread that will run the loop. A timer signal (SIGALRM) does the looking,
/// so it needs no thread, and no system call after this one.
Status start_watchdog(EventLoop& loop, std::chrono::milliseconds period = watchdog_period);

} // namespace msb
