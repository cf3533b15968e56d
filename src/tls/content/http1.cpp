#include "tls/content/http1.hpp"

#include <algorithm>
#include <utility>

namespace msb::tls {

namespace {

constexpr unsigned switching = 101, first_final = 200;

} // namespace

Http1Conversation::Http1Conversation(Peers peers, std::shared_ptr<const SecretSet> secrets,
                                     Observer& observer)
    : peers_(std::move(peers)), reach_(std::make_shared<const Reach>(peers_, std::move(secrets))),
      request_(peers_, observer, *this, "http/1.1"), response_(observer, *this) {}

Http1Conversation::BodyReader::BodyReader(const Framing& is)
    : framing(is), left(is.kind == Framing::Kind::until_close ? UINT64_MAX : is.length) {}

void Http1Conversation::replace_secrets(std::shared_ptr<const SecretSet> secrets) {
    next_secrets_ = std::move(secrets);
    use_next_secrets();
}

/// False: not yet. What has begun ends as it has begun.
bool Http1Conversation::use_next_secrets() {
    if (!next_secrets_)
        return true;
    if (!exchanges_.empty() || (guest_step_ != Step::begin && guest_step_ != Step::head))
        return false;
    reach_ = std::make_shared<const Reach>(peers_, std::exchange(next_secrets_, nullptr));
    return true;
}

void Http1Conversation::refuse(std::string_view status, std::string_view code,
                               const std::string& message) {
    if (ended_)
        return;
    // Only a guest that waits for no other answer takes this one for its own.
    const std::size_t at_hand = guest_step_ == Step::body ? 1 : 0;
    if (guest_step_ != Step::other && exchanges_.size() <= at_hand && !answering_) {
        const std::string body = refusal_body(code, message, peers_.name);
        to_guest_.append(as_bytes(
            "HTTP/1.1 " + std::string(status) +
            "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
            "\r\nConnection: close\r\n\r\n" + body));
    }
    to_upstream_.clear();
    end();
}

/// Nothing of it has gone to the guest yet.
void Http1Conversation::refuse_answer(const std::string& why) {
    exchanges_.clear();
    answering_ = false;
    refuse("502 Bad Gateway", "answer_refused", "the server's answer: " + why);
}

void Http1Conversation::end() {
    ended_ = true;
    // Before anything else: others wait for the room.
    request_.wipe();
    response_.wipe();
}

void Http1Conversation::begin_other() {
    guest_step_ = upstream_step_ = Step::other;
    request_.begin_other(reach_);
}

// ---- what the guest sends -----------------------------------------------------------------------

void Http1Conversation::from_guest(BytesView data) {
    guest_in_ += as_text(data);
    take_guest();
}

void Http1Conversation::guest_ended() {
    if (guest_step_ == Step::other)
        request_.end_other();
    // Half a request is none.
    if (guest_step_ == Step::body || !guest_in_.empty())
        to_upstream_.clear();
}

void Http1Conversation::take_guest() {
    bool more = true;
    while (more && !ended_) {
        switch (guest_step_) {
        case Step::begin:
            switch (looks_like_request(guest_in_)) {
            case Looks::unknown: return;
            case Looks::request: guest_step_ = Step::head; break;
            case Looks::other: begin_other(); break;
            }
            break;
        case Step::head: more = take_request_head(); break;
        case Step::body: more = take_request_body(); break;
        case Step::other:
            if (request_.search_other(guest_in_))
                to_upstream_.append(as_bytes(guest_in_));
            guest_in_.clear();
            // What the other side has sent meanwhile is not HTTP either.
            take_upstream();
            return;
        }
    }
}

bool Http1Conversation::take_request_head() {
    if (!use_next_secrets())
        return false;
    // Empty lines before a request are allowed (RFC 9112 §2.2).
    while (guest_in_.starts_with("\r\n"))
        guest_in_.erase(0, 2);
    if (guest_in_.empty())
        return false;
    const auto end = guest_in_.find(head_end);
    if (end == std::string::npos ? guest_in_.size() > most_head : end > most_head) {
        refuse("431 Request Header Fields Too Large", "request_refused",
               "a head of more than 64 KiB");
        return false;
    }
    if (end == std::string::npos) {
        // Two ends of lines that are no CR LF would be an end for others.
        if (guest_in_.find("\n\n") != std::string::npos)
            refuse("400 Bad Request", "request_refused", "lines that do not end with CR LF");
        return false;
    }
    if (exchanges_.size() >= most_pipelined)
        return false; // until the first ones are answered
    auto head = read_request(std::string_view(guest_in_).substr(0, end + head_end.size()));
    guest_in_.erase(0, end + head_end.size());
    const auto framing = head ? request_framing(*head)
                              : std::expected<Framing, Refusal>(std::unexpected(head.error()));
    if (!framing) {
        refuse("400 Bad Request", "request_refused", framing.error());
        return false;
    }
    exchanges_.push_back({head->method, head->find("upgrade") != nullptr});
    request_body_ = BodyReader(*framing);
    guest_step_ = Step::body;
    return request_.begin(reach_, std::move(*head), *framing);
}

/// False when more is needed.
bool Http1Conversation::take_request_body() {
    std::string_view data = guest_in_;
    const auto taken =
        request_body_.take(data, [&](std::string_view part) { request_.payload(part); });
    if (!taken)
        request_.refuse("400 Bad Request", "request_refused", taken.error());
    if (ended_)
        return false;
    guest_in_.erase(0, guest_in_.size() - data.size());
    if (!request_body_.done() || !request_.end(request_body_.chunks.trailers()))
        return false;
    guest_step_ = Step::head;
    return true;
}

void Http1Conversation::request_head(const RequestHead& head, bool) {
    to_upstream_.append(as_bytes(head.text()));
}

void Http1Conversation::request_payload(std::string_view payload) {
    to_upstream_.append(as_bytes(request_body_.is_chunked() ? chunk(payload) : payload));
}

void Http1Conversation::request_end(const std::vector<Field>& trailers) {
    if (request_body_.is_chunked())
        to_upstream_.append(as_bytes(last_chunk(trailers)));
}

bool Http1Conversation::ask_for_body() {
    if (exchanges_.size() > 1 || answering_)
        return false;
    to_guest_.append(as_bytes("HTTP/1.1 100 Continue\r\n\r\n"));
    return true;
}

// ---- what the upstream sends --------------------------------------------------------------------

void Http1Conversation::from_upstream(BytesView data) {
    upstream_in_ += as_text(data);
    take_upstream();
}

void Http1Conversation::upstream_ended() {
    take_upstream();
    if (upstream_step_ == Step::body && response_body_.framing.kind == Framing::Kind::until_close)
        response_.end({});
    end();
}

void Http1Conversation::take_upstream() {
    bool more = true;
    while (more && !ended_) {
        switch (upstream_step_) {
        case Step::begin:
        case Step::head: more = take_response_head(); break;
        case Step::body: more = take_response_body(); break;
        case Step::other:
            // Piece by piece: what speaks here may wait for every byte.
            to_guest_.append(as_bytes(response_.scrubbed_other(*reach_, upstream_in_)));
            upstream_in_.clear();
            return;
        }
    }
}

bool Http1Conversation::take_response_head() {
    if (upstream_in_.empty())
        return false;
    // A server that speaks before it was asked is no HTTP server; what the guest sends is searched.
    if (exchanges_.empty()) {
        if (guest_step_ != Step::begin || !guest_in_.empty()) {
            if (upstream_in_.size() > most_head)
                end(); // that is no answer to a request that is on its way
            return false;
        }
        begin_other();
        return true;
    }
    const auto end = upstream_in_.find(head_end);
    if (end == std::string::npos && upstream_in_.size() <= most_head)
        return false;
    auto head =
        end == std::string::npos
            ? std::expected<ResponseHead, Refusal>(std::unexpected(Refusal("too long a head")))
            : read_response(std::string_view(upstream_in_).substr(0, end + head_end.size()));
    const Exchange exchange = exchanges_.front();
    const auto framing = head ? response_framing(*head, exchange.method)
                              : std::expected<Framing, Refusal>(std::unexpected(head.error()));
    if (!framing) {
        refuse_answer(framing.error());
        return false;
    }
    upstream_in_.erase(0, end + head_end.size());
    const bool upgraded = head->status == switching && exchange.upgrade;
    if (head->status < first_final) {
        response_.interim(*reach_, std::move(*head));
        if (upgraded) {
            exchanges_.pop_front();
            begin_other();
            take_guest();
        }
        return true; // without that, the answer itself follows
    }
    response_body_ = BodyReader(*framing);
    upstream_step_ = Step::body;
    answering_ = true;
    response_.begin(reach_, std::move(*head), *framing);
    return true;
}

bool Http1Conversation::take_response_body() {
    std::string_view data = upstream_in_;
    if (!response_body_.take(data, [&](std::string_view part) { response_.payload(part); }))
        end();
    if (ended_)
        return false;
    upstream_in_.erase(0, upstream_in_.size() - data.size());
    if (!response_body_.done() || !response_.end(response_body_.chunks.trailers()))
        return false;
    answering_ = false;
    exchanges_.pop_front();
    upstream_step_ = Step::head;
    take_guest(); // one may have waited, because there were too many
    return true;
}

void Http1Conversation::response_head(const ResponseHead& head, bool) {
    to_guest_.append(as_bytes(head.text()));
}

void Http1Conversation::response_payload(std::string_view payload) {
    to_guest_.append(as_bytes(response_body_.is_chunked() ? chunk(payload) : payload));
}

void Http1Conversation::response_end(const std::vector<Field>& trailers) {
    if (response_body_.is_chunked())
        to_guest_.append(as_bytes(last_chunk(trailers)));
}

} // namespace msb::tls
