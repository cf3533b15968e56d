#include "base/watchdog.hpp"

#include <atomic>
#include <csignal>
#include <string_view>
#include <sys/time.h>
#include <unistd.h>

namespace msb {

namespace {

std::atomic<unsigned> rounds; ///< of the loop
static_assert(std::atomic<unsigned>::is_always_lock_free, "a signal handler reads it");

void look(int) {
    static unsigned seen = 0;
    static int missed = 0;
    const unsigned now = rounds.load(std::memory_order_relaxed);
    missed = now == seen ? missed + 1 : 0;
    seen = now;
    if (missed < watchdog_looks)
        return;
    constexpr std::string_view text = "the event loop is stuck: giving up\n";
    (void)!::write(STDERR_FILENO, text.data(), text.size());
    ::_exit(1);
}

void keep_moving(EventLoop& loop, std::chrono::milliseconds period) {
    rounds.fetch_add(1, std::memory_order_relaxed);
    loop.after(period, [&loop, period] { keep_moving(loop, period); });
}

} // namespace

Status start_watchdog(EventLoop& loop, std::chrono::milliseconds period) {
    struct sigaction action{};
    action.sa_handler = look;
    action.sa_flags = SA_RESTART;
    if (::sigaction(SIGALRM, &action, nullptr) == -1)
        return fail_errno("sigaction", "SIGALRM");
    keep_moving(loop, period / 2);
    const timeval time{period.count() / 1000, period.count() % 1000 * 1000};
    const itimerval timer{time, time};
    if (::setitimer(ITIMER_REAL, &timer, nullptr) == -1)
        return fail_errno("setitimer");
    return {};
}

} // namespace msb
