// Threads for calls that block: as many as calls block at the same time.
#pragma once

#include <functional>

namespace msb::node {

/// Runs `job`, which must not throw, in a thread. An idle thread is used again; one that has had
/// nothing to do for a while ends. Throws std::system_error if there cannot be a thread.
void run_in_thread(std::function<void()> job);

} // namespace msb::node
