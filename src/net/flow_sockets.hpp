// The host's sockets of a guest's flows without connections: a bounded number, each dropped when it
// has been idle for long.
#pragma once

#include "base/event_loop.hpp"
#include "base/result.hpp"
#include "net/dialer.hpp"

#include <algorithm>
#include <map>
#include <sys/epoll.h>

namespace msb::net {

template <typename Key> class FlowSockets {
  public:
    using Clock = EventLoop::Clock;

    /// Beyond `limit` the flow that was used longest ago goes.
    FlowSockets(EventLoop& loop, std::size_t limit, std::chrono::seconds idle_time)
        : loop_(loop), limit_(limit), idle_time_(idle_time) {}
    ~FlowSockets() {
        loop_.cancel(timer_);
        clear();
    }
    FlowSockets(const FlowSockets&) = delete;
    FlowSockets& operator=(const FlowSockets&) = delete;

    /// Nothing if there is none.
    Dialled* find(const Key& key) {
        const auto found = flows_.find(key);
        return found == flows_.end() ? nullptr : &found->second.dialled;
    }
    /// The socket of `key`, or -1.
    int socket_of(const Key& key) {
        const Dialled* const dialled = find(key);
        return dialled == nullptr ? -1 : dialled->socket.get();
    }
    /// `key` has a socket, which is in use now.
    void touch(const Key& key) { flows_.at(key).used = Clock::now(); }
    /// Calls `ready` with the events whenever something has arrived, or, with EPOLLRDHUP, when who holds the
    /// other end of a socket pair has shut this one; then the flow has to be ended.
    Status add(const Key& key, Dialled dialled, EventLoop::FdHandler ready) {
        if (flows_.size() >= limit_)
            drop(std::ranges::min_element(flows_, {},
                                          [](const auto& entry) { return entry.second.used; }));
        MSB_TRY(loop_.watch(dialled.socket.get(), EPOLLIN | EPOLLRDHUP, std::move(ready)));
        flows_.emplace(key, Entry{std::move(dialled), Clock::now()});
        sweep_later();
        return {};
    }
    void end(const Key& key) {
        if (const auto found = flows_.find(key); found != flows_.end())
            drop(found);
    }
    /// Ends those that `allowed` does not want any more.
    template <typename Allowed> void keep_if(const Allowed& allowed) {
        for (auto flow = flows_.begin(); flow != flows_.end();) {
            const auto next = std::next(flow);
            if (!allowed(flow->second.dialled)) {
                flow->second.dialled.record.outcome = "policy";
                drop(flow);
            }
            flow = next;
        }
    }
    void clear() {
        while (!flows_.empty())
            drop(flows_.begin());
    }
    std::size_t size() const { return flows_.size(); }

  private:
    struct Entry {
        Dialled dialled;
        Clock::time_point used;
    };
    using Flows = std::map<Key, Entry>;

    void drop(typename Flows::iterator flow) {
        loop_.unwatch(flow->second.dialled.socket.get());
        flows_.erase(flow);
    }
    void sweep_later() {
        if (timer_ == 0)
            timer_ = loop_.after(std::chrono::seconds(5), [this] { sweep(); });
    }
    void sweep() {
        timer_ = 0;
        const auto limit = Clock::now() - idle_time_;
        for (auto flow = flows_.begin(); flow != flows_.end();) {
            const auto next = std::next(flow);
            if (flow->second.used < limit)
                drop(flow);
            flow = next;
        }
        if (!flows_.empty())
            sweep_later();
    }

    EventLoop& loop_;
    std::size_t limit_;
    std::chrono::seconds idle_time_;
    Flows flows_;
    EventLoop::TimerId timer_ = 0;
};

} // namespace msb::net
