// One question put to the host's resolvers.
//
// If a resolver is silent the next one is asked, and later the first again, but each that was asked
// may still answer until the time is over: a slow answer counts as much as a quick one. An error
// (SERVFAIL, REFUSED and the like) counts only if no resolver answers better.
#pragma once

#include "base/address.hpp"
#include "base/event_loop.hpp"
#include "base/fd.hpp"
#include "base/out_buffer.hpp"
#include "dns/message.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace msb::net {

/// Where to ask, and who answered last. Shared by exchanges, which may outlive a change of it.
struct Resolvers {
    std::vector<Endpoint> addresses;
    std::size_t preferred = 0;
};

class DnsExchange {
  public:
    /// Stub resolvers wait 5 seconds and ask again, so an answer that comes a little later still
    /// helps.
    static constexpr std::chrono::milliseconds usual_time{10000}, time_of_one{1500};

    /// `done` is called once, never from inside start(), with the answer or, when no resolver gave
    /// one, nothing; it may destroy the exchange. `stream`: ask over TCP. `time`: until it gives up.
    using Done = std::function<void(std::optional<Bytes>)>;
    DnsExchange(EventLoop& loop, std::shared_ptr<Resolvers> resolvers, BytesView message,
                const dns::Query& query, bool stream, std::chrono::milliseconds time, Done done);
    ~DnsExchange();
    DnsExchange(const DnsExchange&) = delete;
    DnsExchange& operator=(const DnsExchange&) = delete;

    void start();

  private:
    /// A resolver that was asked and may answer.
    struct Asked {
        std::size_t resolver = 0; ///< its place in Resolvers::addresses
        OwnedFd socket;
        OutBuffer out; ///< over TCP
        Bytes in;      ///< over TCP
    };

    void wait(EventLoop::Clock::duration time);
    void ask();
    bool ask(std::size_t resolver);
    Status connect(Asked& asked);
    void event(int socket, std::uint32_t events);
    void receive_datagrams(Asked& asked);
    void send_rest(Asked& asked);
    void receive_stream(Asked& asked);
    BytesView question() const;
    bool is_answer(BytesView message) const;
    void take(Asked& asked, Bytes answer);
    void failed(Asked& asked);
    void finish(std::optional<Bytes> answer);
    void stop_asking();

    EventLoop& loop_;
    std::shared_ptr<Resolvers> resolvers_;
    Bytes message_; ///< with our id
    std::uint16_t asked_id_;
    std::uint16_t id_ = 0;
    std::size_t question_end_;
    bool stream_;
    Done done_;
    std::size_t first_; ///< resolver
    std::size_t attempts_ = 0;
    std::vector<Asked> asked_; ///< the last one asked is the last
    std::optional<Bytes> no_help_;
    EventLoop::Clock::time_point give_up_;
    EventLoop::TimerId timer_ = 0;
};

} // namespace msb::net
