#include "runtime/clock_keeper.hpp"

#include "base/time.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace msb {

Result<std::unique_ptr<ClockKeeper>> ClockKeeper::start(EventLoop& loop, Send send) {
    std::unique_ptr<ClockKeeper> keeper(new ClockKeeper(loop, std::move(send)));
    MSB_TRY(keeper->watch_host_clock());
    keeper->schedule();
    return keeper;
}

ClockKeeper::~ClockKeeper() {
    loop_.cancel(timer_);
    if (host_clock_)
        loop_.unwatch(host_clock_.get());
}

/// A timer that is never due. It is cancelled when the wall clock is set, also by a resume from
/// suspend, and that is what we wait for (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET).
Status ClockKeeper::watch_host_clock() {
    host_clock_ = OwnedFd(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!host_clock_)
        return fail_errno("timerfd_create");
    itimerspec never{};
    never.it_value.tv_sec = std::numeric_limits<time_t>::max();
    if (::timerfd_settime(host_clock_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never,
                          nullptr) == -1)
        return fail_errno("timerfd_settime");
    return loop_.watch(host_clock_.get(), EPOLLIN, [this](std::uint32_t) {
        std::uint64_t expirations = 0;
        (void)!::read(host_clock_.get(), &expirations, sizeof(expirations)); // ECANCELED
        owed_ = true;
    });
}

void ClockKeeper::observe(const wire::Heartbeat& heartbeat) {
    const auto now = EventLoop::Clock::now();
    if (now - last_told_ < least_pause)
        return;
    const auto host = static_cast<std::uint64_t>(unix_time_ns());
    const std::uint64_t guest = heartbeat.timestamp;
    const std::uint64_t off = host > guest ? host - guest : guest - host;
    if (!owed_ && off <= static_cast<std::uint64_t>(std::chrono::nanoseconds(tolerance).count()))
        return;
    owed_ = false;
    last_told_ = now;
    send_(wire::ClockSync{host, heartbeat.heartbeat_seq});
}

void ClockKeeper::schedule() {
    timer_ = loop_.after(period, [this] {
        owed_ = true;
        schedule();
    });
}

} // namespace msb
