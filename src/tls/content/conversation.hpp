// The plaintext of one intercepted connection, between the guest's TLS and the upstream's.
//
// Theory of operation. What the guest sends is read as HTTP/1 requests, strictly, and written anew, so that
// the server sees what was judged and nothing else. Placeholders of secrets that may go to this server become
// their values, in the parts of a request where they may; any other placeholder is a violation, in whatever
// form it is written. What does not begin like a request is passed on as it is, and searched.
//
// Answers are followed as far as it takes to know where each ends, and values in them become
// placeholders: a server that echoes what it got does not tell the guest. For that it is asked not to compress.
//
// Nothing waits: bytes go in, bytes come out, and what has to be collected is bounded.
#pragma once

#include "base/address.hpp"
#include "base/out_buffer.hpp"
#include "tls/content/chunks.hpp"
#include "tls/content/detector.hpp"
#include "tls/content/secret.hpp"

#include <deque>

namespace msb::tls {

/// Who talks.
struct Peers {
    std::string name; ///< that the server has proved to have: lower case; or an address
    std::vector<std::string> names; ///< what the resolver called what the guest dialled
    Endpoint destination;           ///< as the guest dialled it
    bool tls = true;
    /// The server's certificate was checked. Without that, only what the resolver called so is the host.
    bool verified = true;
};

struct Violation {
    Action action = Action::block_and_log;
    std::string env, placeholder;
    std::string protocol = "http/1.1";
    std::string host, method, path; ///< without a query; empty: not known
    std::string location;           ///< "header", "query", "authorization_basic", "body", "unknown"
    Form form = Form::raw;
};

/// What a conversation tells its owner.
class Observer {
  public:
    virtual ~Observer() = default;
    virtual void violation(const Violation& violation) = 0;
    /// A value came back from the server and was made a placeholder.
    virtual void scrubbed(const std::string& env) = 0;
    /// The sandbox has to end.
    virtual void terminate() = 0;
    /// Whether all conversations together may keep so many bytes more.
    virtual bool has_room(std::size_t bytes) = 0;
};

class Conversation {
  public:
    /// The largest body that is collected, because its length or its coding changes; before and after that.
    static constexpr std::size_t most_body = std::size_t{16} << 20;
    /// Longer answers keep their length: a value becomes a placeholder of the same size.
    static constexpr std::size_t most_exact_answer = std::size_t{1} << 20;
    static constexpr std::size_t most_pipelined = 64;
    /// A request's head, or a piece of a body that is not collected, with values in it.
    static constexpr std::size_t most_grown = std::size_t{1} << 20;
    /// Of a guest's words in a violation: whoever keeps it keeps no more than this.
    static constexpr std::size_t most_host = 255, most_path = 1024;

    Conversation(Peers peers, std::shared_ptr<const SecretSet> secrets, Observer& observer);

    void from_guest(BytesView data);
    void guest_ended();
    void from_upstream(BytesView data);
    void upstream_ended();
    /// Counts from the next request on, which waits until those before it are answered: their answers may have
    /// the values that they had.
    void replace_secrets(std::shared_ptr<const SecretSet> secrets);

    OutBuffer& to_guest() { return to_guest_; }
    OutBuffer& to_upstream() { return to_upstream_; }
    /// The guest is ahead of the server's answers: nothing more is read of it until some have come.
    bool guest_waits() const { return guest_in_.size() > most_head; }
    /// Bytes that it keeps.
    std::size_t held() const {
        return request_body_.collected.size() + response_body_.collected.size() + to_guest_.size() +
               to_upstream_.size();
    }
    /// Nothing more is read: send what the buffers hold, then close both sides.
    bool ended() const { return ended_; }

  private:
    enum class Step { begin, head, body, opaque };
    struct Exchange {
        std::string method;
        bool upgrade = false;
    };
    struct Body {
        explicit Body(const Framing& is = {});
        /// Takes from the front of `data` what belongs to it; `sink` gets its payload.
        template <typename Sink>
        std::expected<void, Refusal> take(std::string_view& data, const Sink& sink);
        /// It never is, if only the end of the connection ends it.
        bool done() const {
            return framing.kind == Framing::Kind::chunked ? chunks.done() : left == 0;
        }

        Framing framing;
        std::uint64_t left; ///< unless in chunks
        ChunkReader chunks;
        bool collect = false; ///< until its end, because its length may change
        bool replace = false; ///< placeholders or values in it
        bool same_size = false;
        std::string collected, coding;
    };
    /// Scanners' sinks.
    struct BodySink {
        Conversation& of;
        void text(std::string_view part);
        void word(std::uint32_t number);
    };
    struct ValueSink {
        Conversation& of;
        void text(std::string_view part);
        void word(std::uint32_t number);
    };

    void use(std::shared_ptr<const SecretSet> secrets);
    bool use_next_secrets();
    bool may_have(const Secret& secret) const;
    bool fits(const Secret& secret, const RequestHead& head) const;

    // What the guest sends.
    void take_guest();
    bool take_request_head();
    bool take_request(RequestHead head);
    bool choose(const RequestHead& head);
    bool search_head(const RequestHead& head);
    bool substitute_head(RequestHead& head);
    void begin_request_body(RequestHead& head, const Framing& framing);
    std::shared_ptr<const Words> body_words();
    bool take_request_body();
    void request_payload(std::string_view payload);
    bool end_request_body();
    void pass_on(std::string_view data);
    bool search(std::string_view text, std::string_view location);
    std::string replaced(std::string_view text, const std::string& field) const;
    std::string replaced_query(std::string_view target) const;
    bool may_grow_to(std::size_t size);
    bool keep(Body& body, std::string_view payload);

    // What the upstream sends.
    void take_upstream();
    bool take_response_head();
    void begin_response_body(ResponseHead& head, const Framing& framing);
    bool take_response_body();
    void response_payload(std::string_view payload);
    void end_response_body();
    std::shared_ptr<const Words> echo_words() const { return {echoes_, &echoes_->words}; }
    void scrub(ResponseHead& head);
    void scrub(std::vector<Field>& fields);
    std::string placeholder_of(std::uint32_t echo, bool same_size);
    std::string scrubbed(std::string_view text, bool same_size = false);
    void refuse_answer(const std::string& why);

    void violated(std::uint32_t word, Form form, std::string_view location);
    /// No request of this kind goes on; the guest is told if it waits for an answer.
    void refuse(std::string_view status, std::string_view code, const std::string& message);
    void end();

    Peers peers_;
    std::shared_ptr<const SecretSet> secrets_;
    Observer& observer_;
    OutBuffer to_guest_, to_upstream_;
    bool ended_ = false;

    std::vector<std::size_t> allowed_; ///< secrets whose hosts this is
    std::vector<std::size_t> chosen_;  ///< of these, for the request at hand
    std::vector<std::size_t> watched_; ///< by the number of a word in `detector_`

    Step guest_step_ = Step::begin;
    std::string guest_in_;
    RequestHead request_;   ///< at hand, as the guest sent it
    RequestHead sent_head_; ///< as it goes on
    Body request_body_;
    std::string body_out_;
    std::vector<std::string> body_values_; ///< by the number of a word in body_scanner_
    std::shared_ptr<const SecretSet> next_secrets_;
    std::optional<Detector> detector_;     ///< of the body, or of all if it is no HTTP
    std::shared_ptr<const Words> foreign_; ///< placeholders that may not go there
    std::shared_ptr<const Words> own_;     ///< placeholders of `chosen_`, by their number there
    std::optional<Scanner> body_scanner_;
    bool violated_ = false;

    std::deque<Exchange> exchanges_; ///< that wait for their answers
    Step upstream_step_ = Step::head;
    std::string upstream_in_;
    Body response_body_;
    ResponseHead answer_head_;             ///< as it goes on
    std::shared_ptr<const Echoes> echoes_; ///< of values that become placeholders
    std::optional<Scanner> value_scanner_;
    std::string value_out_;
    bool answering_ = false; ///< a response has begun and not ended
};

template <typename Sink>
std::expected<void, Refusal> Conversation::Body::take(std::string_view& data, const Sink& sink) {
    if (framing.kind == Framing::Kind::chunked)
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
