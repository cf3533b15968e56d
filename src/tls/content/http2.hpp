// A conversation in HTTP/2: a server for the guest, a client for the upstream, and a pair of streams for each request.
//
// A request that is refused ends its streams, not the connection. A body goes on as it comes; who is slow is waited for
// by flow control: what was taken is only consumed when it has gone on.
#pragma once

#include "tls/content/conversation.hpp"
#include "tls/content/http2_stream.hpp"

#include <map>

namespace msb::tls {

class Http2Conversation : public Conversation, private Http2Stream::Owner {
  public:
    Http2Conversation(Peers peers, std::shared_ptr<const SecretSet> secrets, Observer& observer);
    Http2Conversation(const Http2Conversation&) = delete;
    Http2Conversation& operator=(const Http2Conversation&) = delete;

    void from_guest(BytesView data) override { guest_.receive(data); }
    /// Who can open no window any more gets no more answers either.
    void guest_ended() override { ended_ = true; }
    void from_upstream(BytesView data) override { upstream_.receive(data); }
    void upstream_ended() override;
    void replace_secrets(std::shared_ptr<const SecretSet> secrets) override;
    void refill() override;
    /// What one side sends can be frames for either.
    bool guest_waits() const override { return guest_.queued() + upstream_.queued() > most_queued; }
    bool upstream_waits() const override { return guest_waits(); }
    std::size_t held() const override;

  private:
    /// Frames for one who does not read them; filled with frames at a time.
    static constexpr std::size_t most_queued = 1000, filled = std::size_t{64} << 10;

    struct GuestEvents : Http2Session::Events {
        explicit GuestEvents(Http2Conversation& of) : self(of) {}
        void headers_begin(std::int32_t id) override;
        void header(std::int32_t id, std::string_view name, std::string_view value) override;
        void headers_end(std::int32_t id, bool last) override;
        void data(std::int32_t id, std::string_view data) override;
        void data_end(std::int32_t id) override;
        void last_sent(std::int32_t id) override;
        void closed(std::int32_t id, Http2Error why) override;
        void going_away() override {} // it may still wait for answers
        Http2Session::Outgoing* outgoing(std::int32_t id) override;
        Http2Conversation& self;
    };
    struct UpstreamEvents : Http2Session::Events {
        explicit UpstreamEvents(Http2Conversation& of) : self(of) {}
        void headers_begin(std::int32_t id) override;
        void header(std::int32_t id, std::string_view name, std::string_view value) override;
        void headers_end(std::int32_t id, bool last) override;
        void data(std::int32_t id, std::string_view data) override;
        void data_end(std::int32_t id) override;
        void last_sent(std::int32_t) override {}
        void closed(std::int32_t id, Http2Error why) override;
        void going_away() override { self.guest_.go_away(); }
        Http2Session::Outgoing* outgoing(std::int32_t id) override;
        Http2Conversation& self;
    };

    Http2Stream* by_guest(std::int32_t id) const;
    Http2Stream* by_upstream(std::int32_t id) const;
    void upstream_opened(std::int32_t upstream_id, Http2Stream& stream) override;

    Peers peers_;
    Observer& observer_;
    std::shared_ptr<const Reach> reach_; ///< of the next streams
    GuestEvents guest_events_{*this};
    UpstreamEvents upstream_events_{*this};
    Http2Session guest_, upstream_;
    std::map<std::int32_t, std::unique_ptr<Http2Stream>> streams_; ///< by the guest's number
    std::map<std::int32_t, Http2Stream*> upstream_streams_;        ///< by the upstream's
    bool upstream_gone_ = false;
};

} // namespace msb::tls
