// The last resort of a process that serves a guest: if its event loop does not come round any more,
// the process ends.
//
// No descriptor that a guest holds the other end of may block the loop, and each place ensures that
// itself. The watchdog covers places that were overlooked: without it a stuck process would outlive
// every limit that its own timers enforce, and hold ports and disks.
#pragma once

#include "base/event_loop.hpp"

#include <chrono>

namespace msb {

/// How often the watchdog looks, and how many times in a row it may find that the loop has not
/// moved. It counts looks of the loop's own thread, not time: one that is stopped, gets no CPU or
/// waits for a disk looks as little as it moves, so none of these is taken for being stuck.
constexpr std::chrono::seconds watchdog_period{5};
constexpr int watchdog_looks = 5;

/// Call once in a process, on the thread that will run the loop. A timer signal (SIGALRM) does the
/// work, so no thread and no further system call is needed.
Status start_watchdog(EventLoop& loop, std::chrono::milliseconds period = watchdog_period);

} // namespace msb
