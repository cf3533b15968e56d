// Threads of the agent's own work.
#pragma once

#include "base/result.hpp"

namespace msb::agent {

/// Starts a detached thread with a small stack and all signals blocked but `open_signal` (0: none).
/// Not std::thread, which throws when no thread can be made.
Status start_thread(void* (*main)(void*), void* argument, int open_signal = 0);

} // namespace msb::agent
