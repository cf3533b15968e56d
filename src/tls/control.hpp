// tlsd's own door, at which the user's commands change secrets while the sandbox runs: neither the runtime nor
// netd ever sees a value.
//
// A client sends one line of JSON (SecretsChange), the new values one behind the other, and the end of its
// stream; the answer is "ok", or what is wrong, and then nothing was changed. One client at a time, and none
// for longer than five seconds.
#pragma once

#include "base/event_loop.hpp"
#include "base/fd.hpp"
#include "tls/config.hpp"

#include <functional>

namespace msb::tls {

class Control {
  public:
    static constexpr std::size_t most_bytes = std::size_t{8} << 20;

    /// Puts these in the place of the ones there are; the values of those that are to be kept are empty.
    using Change = std::function<Status(SecretsChange change)>;

    Control(EventLoop& loop, OwnedFd listener, Change change)
        : loop_(loop), listener_(std::move(listener)), change_(std::move(change)) {}
    ~Control();
    Control(const Control&) = delete;
    Control& operator=(const Control&) = delete;

    Status start();

  private:
    void accept();
    void receive();
    void answer(const Status& done);
    void close();

    EventLoop& loop_;
    OwnedFd listener_, client_;
    Change change_;
    std::string received_;
    EventLoop::TimerId deadline_ = 0;
};

} // namespace msb::tls
