#include "tls/content/response_filter.hpp"

#include "tls/content/coding.hpp"
#include "tls/content/words_in.hpp"

#include <algorithm>

namespace msb::tls {

namespace {

constexpr std::size_t status_end = std::string_view("HTTP/1.1 200").size();

/// As long as the value was, so that lengths stay.
std::string resized(std::string_view placeholder, std::size_t size) {
    std::string text(placeholder.substr(0, size));
    text.resize(size, '*');
    return text;
}

} // namespace

bool ResponseFilter::refuse(const std::string& why) {
    refused_ = true;
    body_.wipe();
    out_.refuse_answer(why);
    return false;
}

void ResponseFilter::interim(const Reach& reach, ResponseHead head) {
    scrub(reach, head);
    out_.response_head(head, false);
}

void ResponseFilter::begin(std::shared_ptr<const Reach> reach, ResponseHead head,
                           const Framing& framing) {
    reach_ = std::move(reach);
    scrub(*reach_, head);
    body_ = {.framing = framing};
    const std::string* const coding = head.find("content-encoding");
    body_.coding = coding == nullptr ? "" : *coding;
    body_.replace = !reach_->echoes->words.empty() && framing.kind != Framing::Kind::none;
    // A server that compresses although it was asked not to. Other words stand there for text as it is, too.
    const bool opened = body_.replace && is_coding(body_.coding);
    const bool fixed = has_inner_lengths(head);
    body_.collect = opened || (body_.replace && !fixed && framing.kind == Framing::Kind::length &&
                               framing.length <= most_exact_answer);
    body_.same_size =
        body_.replace && !body_.collect && (fixed || framing.kind == Framing::Kind::length);
    scanner_.reset();
    if (body_.replace)
        scanner_.emplace(reach_->echo_words());
    head_ = std::move(head);
    if (!body_.collect)
        out_.response_head(head_, framing.kind != Framing::Kind::none);
}

void ResponseFilter::ValueSink::text(std::string_view part) {
    of.out_text_ += part;
}

void ResponseFilter::ValueSink::word(std::uint32_t number) {
    of.out_text_ += of.placeholder_of(*of.reach_, number, of.body_.same_size);
}

std::string ResponseFilter::placeholder_of(const Reach& reach, std::uint32_t echo, bool same_size) {
    const Secret& secret = reach.secrets->secrets()[reach.echoes->secret_of[echo]];
    observer_.scrubbed(secret.env);
    return same_size ? resized(secret.placeholder, reach.echoes->words.size_of(echo))
                     : secret.placeholder;
}

std::string ResponseFilter::scrubbed(const Reach& reach, std::string_view text, bool same_size) {
    return replace_words(reach.echo_words(), text, most_body, [&](std::uint32_t number) {
        return placeholder_of(reach, number, same_size);
    });
}

void ResponseFilter::scrub(const Reach& reach, ResponseHead& head) {
    const std::string_view line = head.status_line;
    if (line.size() > status_end)
        head.status_line =
            std::string(line.substr(0, status_end)) + scrubbed(reach, line.substr(status_end));
    scrub(reach, head.fields);
}

void ResponseFilter::scrub(const Reach& reach, std::vector<Field>& fields) {
    // A placeholder may be no name.
    std::erase_if(fields,
                  [&](const Field& field) { return scrubbed(reach, field.name) != field.name; });
    for (Field& field : fields)
        field.value = scrubbed(reach, field.value);
}

bool ResponseFilter::payload(std::string_view payload) {
    if (payload.empty() || refused_)
        return !refused_;
    if (body_.collect) {
        if (body_.collected.size() + payload.size() > most_body ||
            !observer_.has_room(payload.size()))
            return refuse("compressed, and more than 16 MiB, or too many at the same time");
        body_.collected += payload;
        return true;
    }
    if (scanner_) {
        out_text_.clear();
        ValueSink sink{*this};
        scanner_->feed(payload, sink);
        payload = out_text_;
    }
    out_.response_payload(payload);
    return true;
}

/// False: refused.
bool ResponseFilter::send_collected() {
    const bool coded = is_coding(body_.coding);
    const auto text = coded ? decode(body_.coding, body_.collected, most_body)
                            : std::optional(std::move(body_.collected));
    if (!text) // nothing of it may go on unseen
        return refuse("it is not what its Content-Encoding says, or too large");
    std::string sent = scrubbed(*reach_, *text, has_inner_lengths(head_));
    if (sent.size() > most_body)
        return refuse("it is too large with its placeholders");
    if (coded) {
        if (sent == *text)
            sent = std::move(body_.collected);
        else
            head_.remove("content-encoding");
    }
    if (body_.framing.kind == Framing::Kind::length)
        head_.set("Content-Length", std::to_string(sent.size()));
    out_.response_head(head_, true);
    out_.response_payload(sent);
    return true;
}

bool ResponseFilter::end(std::vector<Field> trailers) {
    if (refused_)
        return false;
    out_text_.clear();
    if (body_.collect) {
        if (!send_collected())
            return false;
    } else if (scanner_) {
        ValueSink sink{*this};
        scanner_->finish(sink);
        out_.response_payload(out_text_);
    }
    scrub(*reach_, trailers);
    out_.response_end(trailers);
    body_ = {};
    scanner_.reset();
    out_text_.clear();
    return true;
}

} // namespace msb::tls
