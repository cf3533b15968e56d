// One question put to the host's resolvers.
#pragma once

#include "base/event_loop.hpp"
#include "base/fd.hpp"
#include "base/out_buffer.hpp"
#include "net/address.hpp"
#include "net/dns/message.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace msb::net::dns {

/// Where to ask, and who answered last.
struct Resolvers {
    std::vector<Endpoint> addresses;
    std::size_t preferred = 0;
};

class Exchange {
  public:
    static constexpr std::chrono::milliseconds total_time{5000}, time_of_one{1500};

    /// `done` is called once, never from inside start(), with the answer or, when no resolver gave
    /// one, nothing; it may destroy the exchange. `stream`: ask over TCP.
    using Done = std::function<void(std::optional<Bytes>)>;
    Exchange(EventLoop& loop, Resolvers& resolvers, BytesView message, const Query& query,
             bool stream, Done done);
    ~Exchange();
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    void start();

  private:
    void ask();
    Status connect(const Endpoint& resolver);
    void next();
    void event(std::uint32_t events);
    void receive_datagram();
    void send_rest();
    void receive_stream();
    void finish(std::optional<Bytes> answer);
    void stop_asking();

    EventLoop& loop_;
    Resolvers& resolvers_;
    Bytes message_; ///< with our id
    std::uint16_t asked_id_;
    std::uint16_t id_ = 0;
    std::size_t question_end_;
    bool stream_;
    Done done_;
    OwnedFd socket_;
    std::size_t attempt_ = 0;
    OutBuffer out_; ///< over TCP: what is still to be sent
    Bytes in_;
    EventLoop::Clock::time_point give_up_;
    EventLoop::TimerId timer_ = 0;
};

} // namespace msb::net::dns
