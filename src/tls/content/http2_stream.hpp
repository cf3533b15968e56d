// One request of HTTP/2 and its answer: a stream of the guest's, and one of the upstream's.
#pragma once

#include "tls/content/http2_session.hpp"
#include "tls/content/request_filter.hpp"
#include "tls/content/response_filter.hpp"

namespace msb::tls {

class Http2Stream : private RequestFilter::Out, private ResponseFilter::Out {
  public:
    /// What it tells of the upstream's stream.
    class Owner {
      public:
        virtual ~Owner() = default;
        virtual void upstream_opened(std::int32_t upstream_id, Http2Stream& stream) = 0;
    };

    Http2Stream(Owner& owner, Http2Session& guest, Http2Session& upstream, const Peers& peers,
                Observer& observer, std::shared_ptr<const Reach> reach, std::int32_t guest_id);
    ~Http2Stream() override;
    Http2Stream(const Http2Stream&) = delete;
    Http2Stream& operator=(const Http2Stream&) = delete;

    // As in Http2Session::Events.
    void guest_headers_begin() { guest_fields_ = {}; }
    void guest_header(std::string_view name, std::string_view value);
    void guest_headers_end(bool last);
    void guest_data(std::string_view data);
    void guest_data_end() { end_request({}); }
    void guest_last_sent();
    void upstream_headers_begin() { upstream_fields_ = {}; }
    void upstream_header(std::string_view name, std::string_view value);
    void upstream_headers_end(bool last);
    void upstream_data(std::string_view data);
    void upstream_data_end() { end_answer({}); }
    /// Also if the whole connection is lost.
    void upstream_closed(Http2Error why);

    Http2Session::Outgoing& to_guest() { return to_guest_; }
    Http2Session::Outgoing& to_upstream() { return to_upstream_; }
    std::int32_t upstream_id() const { return upstream_id_; }
    /// Lets the peers send as much as has gone on.
    void settle();
    std::size_t held() const;

  private:
    /// A block of headers, as it comes.
    struct Block {
        std::vector<Field> fields;
        std::size_t size = 0;
        bool too_long = false;
        void add(std::string_view name, std::string_view value);
    };

    void begin_request(bool last);
    void end_request(const std::vector<Field>& trailers);
    void begin_answer(bool last);
    void end_answer(std::vector<Field> trailers);
    void end_upstream(Http2Error why);
    void cut(Http2Error why);

    void request_head(const RequestHead& head, bool has_body) override;
    void request_payload(std::string_view payload) override;
    void request_end(const std::vector<Field>& trailers) override;
    bool ask_for_body() override;
    void refuse(std::string_view status, std::string_view code,
                const std::string& message) override;
    void response_head(const ResponseHead& head, bool has_body) override;
    void response_payload(std::string_view payload) override;
    void response_end(const std::vector<Field>& trailers) override;
    void refuse_answer(const std::string& why) override;

    Owner& owner_;
    Http2Session& guest_;
    Http2Session& upstream_;
    const Peers& peers_;
    Observer& observer_;
    std::shared_ptr<const Reach> reach_;
    std::int32_t guest_id_, upstream_id_ = -1;
    RequestFilter request_;
    ResponseFilter response_;

    Block guest_fields_, upstream_fields_;
    std::string method_;
    Http2Session::Outgoing to_guest_, to_upstream_;
    std::size_t guest_owed_ = 0, upstream_owed_ = 0; ///< taken and not consumed
    bool request_begun_ = false, request_ended_ = false;
    bool answer_begun_ = false, answer_sent_head_ = false, answer_ended_ = false;
    bool upstream_open_ = false;
    bool all_sent_ = false; ///< to the guest
    bool over_ = false;     ///< refused or reset: what still comes is dropped
};

} // namespace msb::tls
