// Says that the published ports are in use, but not with each byte.
#pragma once

#include "base/event_loop.hpp"

#include <functional>
#include <utility>

namespace msb::net {

class PublishedUse {
  public:
    /// Between two reports; well below the shortest idle timeout, which counts in seconds.
    static constexpr std::chrono::milliseconds period{500};

    explicit PublishedUse(EventLoop& loop) : loop_(loop) {}
    ~PublishedUse() { loop_.cancel(timer_); }
    PublishedUse(const PublishedUse&) = delete;
    PublishedUse& operator=(const PublishedUse&) = delete;

    std::function<void()> report;

    /// Data has moved through a published port.
    void note() {
        if (timer_ != 0) {
            again_ = true;
            return;
        }
        if (report)
            report();
        timer_ = loop_.after(period, [this] {
            timer_ = 0;
            if (std::exchange(again_, false))
                note();
        });
    }

  private:
    EventLoop& loop_;
    EventLoop::TimerId timer_ = 0;
    bool again_ = false;
};

} // namespace msb::net
