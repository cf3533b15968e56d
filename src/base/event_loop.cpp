#include "base/event_loop.hpp"

#include "base/system.hpp"

#include <array>
#include <cerrno>
#include <sys/epoll.h>
#include <unistd.h>

namespace msb {

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
    OwnedFd epoll_fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_fd)
        return fail_errno("epoll_create1");
    OwnedFd wake_fd = MSB_TRY(sys::event_fd());
    std::unique_ptr<EventLoop> loop(new EventLoop(std::move(epoll_fd), std::move(wake_fd)));
    const int wake = loop->wake_fd_.get();
    MSB_TRY(loop->watch(wake, EPOLLIN, [wake](std::uint32_t) {
        std::uint64_t count = 0;
        (void)!::read(wake, &count, sizeof(count));
    }));
    return loop;
}

EventLoop::EventLoop(OwnedFd epoll_fd, OwnedFd wake_fd)
    : epoll_fd_(std::move(epoll_fd)), wake_fd_(std::move(wake_fd)) {}

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

int EventLoop::wait_milliseconds(Clock::duration limit) const {
    Clock::duration wait = limit;
    if (!timers_.empty())
        wait = std::min(wait, timers_.begin()->first.first - Clock::now());
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
    return static_cast<int>(std::max<std::int64_t>(0, milliseconds));
}

void EventLoop::run_due_timers() {
    while (!timers_.empty() && timers_.begin()->first.first <= Clock::now()) {
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
    std::array<epoll_event, 64> events{};
    const int count =
        ::epoll_wait(epoll_fd_.get(), events.data(), events.size(), wait_milliseconds(timeout));
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
