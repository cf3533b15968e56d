// A conversation in HTTP/1, or in what is none.
//
// Requests are followed by their answers in the same order. What does not begin like a request is passed on as
// it is, and searched; so is what follows an upgrade.
#pragma once

#include "tls/content/chunks.hpp"
#include "tls/content/conversation.hpp"
#include "tls/content/request_filter.hpp"
#include "tls/content/response_filter.hpp"

#include <deque>

namespace msb::tls {

class Http1Conversation : public Conversation,
                          private RequestFilter::Out,
                          private ResponseFilter::Out {
  public:
    static constexpr std::size_t most_pipelined = 64;

    Http1Conversation(Peers peers, std::shared_ptr<const SecretSet> secrets, Observer& observer);
    Http1Conversation(const Http1Conversation&) = delete;
    Http1Conversation& operator=(const Http1Conversation&) = delete;

    void from_guest(BytesView data) override;
    void guest_ended() override;
    void from_upstream(BytesView data) override;
    void upstream_ended() override;
    /// The next request waits until those before it are answered: their answers may have the values that they had.
    void replace_secrets(std::shared_ptr<const SecretSet> secrets) override;
    /// The guest is ahead of the server's answers.
    bool guest_waits() const override { return guest_in_.size() > most_head; }
    std::size_t held() const override {
        return request_.held() + response_.held() + to_guest_.size() + to_upstream_.size();
    }

  private:
    enum class Step { begin, head, body, other };
    struct Exchange {
        std::string method;
        bool upgrade = false;
    };
    /// Finds the end of a body.
    struct BodyReader {
        explicit BodyReader(const Framing& is = {});
        /// Takes from the front of `data` what belongs to it; `sink` gets its payload.
        template <typename Sink>
        std::expected<void, Refusal> take(std::string_view& data, const Sink& sink);
        /// It never is, if only the end of the connection ends it.
        bool done() const { return is_chunked() ? chunks.done() : left == 0; }
        bool is_chunked() const { return framing.kind == Framing::Kind::chunked; }

        Framing framing;
        std::uint64_t left; ///< unless in chunks
        ChunkReader chunks;
    };

    bool use_next_secrets();
    void begin_other();

    void take_guest();
    bool take_request_head();
    bool take_request_body();
    void request_head(const RequestHead& head, bool has_body) override;
    void request_payload(std::string_view payload) override;
    void request_end(const std::vector<Field>& trailers) override;
    bool ask_for_body() override;

    void take_upstream();
    bool take_response_head();
    bool take_response_body();
    void response_head(const ResponseHead& head, bool has_body) override;
    void response_payload(std::string_view payload) override;
    void response_end(const std::vector<Field>& trailers) override;
    void refuse_answer(const std::string& why) override;

    /// The connection ends; the guest is told why if it waits for an answer.
    void refuse(std::string_view status, std::string_view code,
                const std::string& message) override;
    void end();

    Peers peers_;
    std::shared_ptr<const Reach> reach_;
    std::shared_ptr<const SecretSet> next_secrets_;
    RequestFilter request_;
    ResponseFilter response_;

    Step guest_step_ = Step::begin;
    std::string guest_in_;
    BodyReader request_body_;

    std::deque<Exchange> exchanges_; ///< that wait for their answers
    Step upstream_step_ = Step::head;
    std::string upstream_in_;
    BodyReader response_body_;
    bool answering_ = false; ///< a response has begun and not ended
};

template <typename Sink>
std::expected<void, Refusal> Http1Conversation::BodyReader::take(std::string_view& data,
                                                                 const Sink& sink) {
    if (is_chunked())
        return chunks.feed(data, sink);
    const auto part =
        data.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left, data.size())));
    left -= part.size();
    data.remove_prefix(part.size());
    if (!part.empty())
        sink(part);
    return {};
}

} // namespace msb::tls
