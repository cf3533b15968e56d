#include "base/event_loop.hpp"

#include "base/system.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace msb {

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
    OwnedFd epoll_fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_fd)
        return fail_errno("epoll_create1");
    OwnedFd wake_fd = MSB_TRY(sys::event_fd());
    OwnedFd timer_fd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!timer_fd)
        return fail_errno("timerfd_create");
    std::unique_ptr<EventLoop> loop(
        new EventLoop(std::move(epoll_fd), std::move(wake_fd), std::move(timer_fd)));
    const int wake = loop->wake_fd_.get();
    MSB_TRY(loop->watch(wake, EPOLLIN, [wake](std::uint32_t) {
        std::uint64_t count = 0;
        (void)!::read(wake, &count, sizeof(count));
    }));
    MSB_TRY(loop->watch(loop->timer_fd_.get(), EPOLLIN, [raw = loop.get()](std::uint32_t) {
        std::uint64_t count = 0;
        (void)!::read(raw->timer_fd_.get(), &count, sizeof(count));
        raw->armed_ = Clock::time_point::max();
        raw->timer_fired_ = true;
    }));
    return loop;
}

EventLoop::EventLoop(OwnedFd epoll_fd, OwnedFd wake_fd, OwnedFd timer_fd)
    : epoll_fd_(std::move(epoll_fd)), wake_fd_(std::move(wake_fd)), timer_fd_(std::move(timer_fd)) {
}

EventLoop::~EventLoop() = default;

Status EventLoop::watch(int fd, std::uint32_t events, FdHandler handler) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_fd_.get(), EPOLL_CTL_ADD, fd, &event) == -1)
        return fail_errno("epoll_ctl(ADD)", std::to_string(fd));
    watches_[fd] = std::make_shared<Watch>(Watch{std::move(handler)});
    return {};
}

Status EventLoop::modify(int fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_fd_.get(), EPOLL_CTL_MOD, fd, &event) == -1)
        return fail_errno("epoll_ctl(MOD)", std::to_string(fd));
    return {};
}

void EventLoop::unwatch(int fd) {
    if (watches_.erase(fd) != 0)
        ::epoll_ctl(epoll_fd_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

EventLoop::TimerId EventLoop::after(Clock::duration delay, Task task) {
    const TimerId id = next_timer_++;
    const auto time = Clock::now() + delay;
    timers_.emplace(std::pair(time, id), std::move(task));
    timer_times_.emplace(id, time);
    return id;
}

void EventLoop::cancel(TimerId timer) {
    const auto found = timer_times_.find(timer);
    if (found == timer_times_.end())
        return;
    timers_.erase({found->second, timer});
    timer_times_.erase(found);
}

void EventLoop::post(Task task) {
    {
        const std::lock_guard lock(posted_mutex_);
        posted_.push_back(std::move(task));
    }
    const std::uint64_t one = 1;
    (void)!::write(wake_fd_.get(), &one, sizeof(one));
}

void EventLoop::stop() {
    post([this] { stopped_ = true; });
}

/// Waking up once too often after a timer was cancelled is cheaper than a system call for each
/// cancelled timer.
Status EventLoop::arm_timer() {
    if (timers_.empty() || timers_.begin()->first.first >= armed_)
        return {};
    armed_ = timers_.begin()->first.first;
    // steady_clock is CLOCK_MONOTONIC. A time of zero would disarm.
    const auto nanoseconds =
        std::max<std::int64_t>(1, std::chrono::nanoseconds(armed_.time_since_epoch()).count());
    const itimerspec time{{}, {nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000}};
    if (::timerfd_settime(timer_fd_.get(), TFD_TIMER_ABSTIME, &time, nullptr) == -1)
        return fail_errno("timerfd_settime");
    return {};
}

void EventLoop::run_due_timers() {
    if (!std::exchange(timer_fired_, false))
        return;
    const auto now = Clock::now();
    while (!timers_.empty() && timers_.begin()->first.first <= now) {
        auto node = timers_.extract(timers_.begin());
        timer_times_.erase(node.key().second);
        node.mapped()();
    }
}

void EventLoop::run_posted() {
    std::vector<Task> tasks;
    {
        const std::lock_guard lock(posted_mutex_);
        tasks.swap(posted_);
    }
    for (Task& task : tasks)
        task();
}

Status EventLoop::run_once(Clock::duration timeout) {
    MSB_TRY(arm_timer());
    std::array<epoll_event, 64> events{};
    const auto limit = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
    const int count = ::epoll_wait(epoll_fd_.get(), events.data(), events.size(),
                                   static_cast<int>(std::max<std::int64_t>(0, limit)));
    if (count == -1 && errno != EINTR)
        return fail_errno("epoll_wait");
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        // An earlier handler of this round may have unwatched the descriptor; holding a reference
        // lets a handler unwatch itself.
        const auto found = watches_.find(event.data.fd);
        if (found == watches_.end())
            continue;
        const std::shared_ptr<Watch> watch = found->second;
        watch->handler(event.events);
    }
    run_due_timers();
    run_posted();
    return {};
}

Status EventLoop::run() {
    while (!stopped_)
        MSB_TRY(run_once(std::chrono::hours(1)));
    stopped_ = false;
    return {};
}

} // namespace msb
