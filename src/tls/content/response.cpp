// What the upstream sends: answers, followed to their ends, with values in them made placeholders.
#include "tls/content/coding.hpp"
#include "tls/content/conversation.hpp"
#include "tls/content/words_in.hpp"

#include <algorithm>

namespace msb::tls {

namespace {

constexpr unsigned switching = 101, first_final = 200;
constexpr std::size_t status_end = std::string_view("HTTP/1.1 200").size();

/// As long as the value was, so that lengths stay.
std::string resized(std::string_view placeholder, std::size_t size) {
    std::string text(placeholder.substr(0, size));
    text.resize(size, '*');
    return text;
}

} // namespace

void Conversation::take_upstream() {
    bool more = true;
    while (more && !ended_) {
        switch (upstream_step_) {
        case Step::begin:
        case Step::head: more = take_response_head(); break;
        case Step::body: more = take_response_body(); break;
        case Step::opaque:
            // Piece by piece: what speaks here may wait for every byte.
            to_guest_.append(as_bytes(scrubbed(upstream_in_, true)));
            upstream_in_.clear();
            return;
        }
    }
}

bool Conversation::take_response_head() {
    if (upstream_in_.empty())
        return false;
    // A server that speaks before it was asked is no HTTP server; what the guest sends is searched.
    if (exchanges_.empty()) {
        if (guest_step_ != Step::begin || !guest_in_.empty()) {
            if (upstream_in_.size() > most_head)
                end(); // that is no answer to a request that is on its way
            return false;
        }
        guest_step_ = upstream_step_ = Step::opaque;
        detector_.emplace(foreign_);
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
    scrub(*head);
    if (head->status == switching && exchange.upgrade) {
        to_guest_.append(as_bytes(head->text()));
        exchanges_.pop_front();
        guest_step_ = upstream_step_ = Step::opaque;
        detector_.emplace(foreign_);
        take_guest();
        return true;
    }
    if (head->status < first_final) { // the answer itself follows
        to_guest_.append(as_bytes(head->text()));
        return true;
    }
    begin_response_body(*head, *framing);
    return true;
}

void Conversation::begin_response_body(ResponseHead& head, const Framing& framing) {
    Body& body = response_body_ = Body(framing);
    const std::string* const coding = head.find("content-encoding");
    body.coding = coding == nullptr ? "" : *coding;
    body.replace = !echoes_->words.empty() && framing.kind != Framing::Kind::none;
    // A server that compresses although it was asked not to. Other words stand there for text as it is, too.
    const bool opened = body.replace && is_coding(body.coding);
    body.collect = opened || (body.replace && framing.kind == Framing::Kind::length &&
                              framing.length <= most_exact_answer);
    body.same_size = body.replace && !body.collect && framing.kind == Framing::Kind::length;
    value_scanner_.reset();
    if (body.replace)
        value_scanner_.emplace(echo_words());
    upstream_step_ = Step::body;
    answering_ = true;
    answer_head_ = std::move(head);
    if (!body.collect)
        to_guest_.append(as_bytes(answer_head_.text()));
}

bool Conversation::take_response_body() {
    Body& body = response_body_;
    std::string_view data = upstream_in_;
    if (!body.take(data, [&](std::string_view part) { response_payload(part); }))
        end();
    if (ended_)
        return false;
    upstream_in_.erase(0, upstream_in_.size() - data.size());
    const bool done = body.done();
    if (done)
        end_response_body();
    return done;
}

void Conversation::ValueSink::text(std::string_view part) {
    of.value_out_ += part;
}

void Conversation::ValueSink::word(std::uint32_t number) {
    of.value_out_ += of.placeholder_of(number, of.response_body_.same_size);
}

std::string Conversation::placeholder_of(std::uint32_t echo, bool same_size) {
    const Secret& secret = secrets_->secrets()[echoes_->secret_of[echo]];
    observer_.scrubbed(secret.env);
    return same_size ? resized(secret.placeholder, echoes_->words.size_of(echo))
                     : secret.placeholder;
}

std::string Conversation::scrubbed(std::string_view text, bool same_size) {
    return replace_words(echo_words(), text, most_body,
                         [&](std::uint32_t number) { return placeholder_of(number, same_size); });
}

void Conversation::scrub(ResponseHead& head) {
    const std::string_view line = head.status_line;
    head.status_line = std::string(line.substr(0, status_end)) + scrubbed(line.substr(status_end));
    scrub(head.fields);
}

void Conversation::scrub(std::vector<Field>& fields) {
    // A placeholder may be no name.
    std::erase_if(fields, [&](const Field& field) { return scrubbed(field.name) != field.name; });
    for (Field& field : fields)
        field.value = scrubbed(field.value);
}

void Conversation::response_payload(std::string_view payload) {
    Body& body = response_body_;
    if (payload.empty() || ended_)
        return;
    if (body.collect) {
        if (!keep(body, payload))
            refuse_answer("compressed, and more than 16 MiB, or too many at the same time");
        return;
    }
    std::string_view out = payload;
    if (value_scanner_) {
        value_out_.clear();
        ValueSink sink{*this};
        value_scanner_->feed(payload, sink);
        out = value_out_;
    }
    to_guest_.append(
        as_bytes(body.framing.kind == Framing::Kind::chunked ? chunk(out) : std::string(out)));
}

void Conversation::end_response_body() {
    Body& body = response_body_;
    const bool chunked = body.framing.kind == Framing::Kind::chunked;
    value_out_.clear();
    if (body.collect) {
        const bool coded = is_coding(body.coding);
        const auto text = coded ? decode(body.coding, body.collected, most_body)
                                : std::optional(std::move(body.collected));
        if (!text) // nothing of it may go on unseen
            return refuse_answer("it is not what its Content-Encoding says, or too large");
        std::string sent = scrubbed(*text);
        if (sent.size() > most_body)
            return refuse_answer("it is too large with its placeholders");
        if (coded) {
            if (sent == *text)
                sent = std::move(body.collected);
            else
                answer_head_.remove("content-encoding");
        }
        if (!chunked && body.framing.kind == Framing::Kind::length)
            answer_head_.set("Content-Length", std::to_string(sent.size()));
        to_guest_.append(as_bytes(answer_head_.text()));
        to_guest_.append(as_bytes(chunked ? chunk(sent) : sent));
    } else if (value_scanner_) {
        ValueSink sink{*this};
        value_scanner_->finish(sink);
        to_guest_.append(as_bytes(chunked ? chunk(value_out_) : value_out_));
    }
    if (chunked) {
        std::vector<Field> trailers = body.chunks.trailers();
        scrub(trailers);
        to_guest_.append(as_bytes(last_chunk(trailers)));
    }
    response_body_ = Body();
    value_scanner_.reset();
    value_out_.clear();
    answering_ = false;
    exchanges_.pop_front();
    upstream_step_ = Step::head;
    take_guest(); // one may have waited, because there were too many
}

} // namespace msb::tls
