// What the guest sends: requests, judged, changed and written anew.
#include "json/text.hpp"
#include "tls/content/coding.hpp"
#include "tls/content/conversation.hpp"
#include "tls/content/escapes.hpp"
#include "tls/content/words_in.hpp"

#include <algorithm>

namespace msb::tls {

namespace {

constexpr std::string_view basic = "Basic ";

/// "Example.org:443" is the host "example.org".
bool is_host(std::string_view authority, std::string_view name) {
    if (authority.starts_with('[')) {
        const auto end = authority.find(']');
        return end != std::string_view::npos && authority.substr(1, end - 1) == name;
    }
    std::string_view host = authority.substr(0, authority.find(':'));
    if (host.ends_with('.'))
        host.remove_suffix(1);
    return same_name(host, name);
}

/// Of an absolute target; nothing of any other.
std::optional<std::string_view> authority_of(std::string_view target) {
    const auto scheme = target.find("://");
    if (scheme == std::string_view::npos || target.starts_with('/'))
        return std::nullopt;
    target.remove_prefix(scheme + 3);
    return target.substr(0, target.find_first_of("/?"));
}

bool is_basic(const Field& field) {
    return (same_name(field.name, "authorization") ||
            same_name(field.name, "proxy-authorization")) &&
           field.value.size() > basic.size() &&
           same_name(std::string_view(field.value).substr(0, basic.size()), basic);
}

std::optional<std::string> credentials_of(const Field& field) {
    const auto decoded = from_base64(std::string_view(field.value).substr(basic.size()));
    if (!decoded)
        return std::nullopt;
    return std::string(as_text(*decoded));
}

/// How a value is written in a body of this type.
std::string in_body(std::string_view type, const std::string& value) {
    if (type.find("json") != std::string_view::npos)
        return json_escaped(value);
    if (type.starts_with("application/x-www-form-urlencoded"))
        return percent_encoded(value);
    return value;
}

} // namespace

void Conversation::take_guest() {
    bool more = true;
    while (more && !ended_) {
        switch (guest_step_) {
        case Step::begin:
            switch (looks_like_request(guest_in_)) {
            case Looks::unknown: return;
            case Looks::request: guest_step_ = Step::head; break;
            case Looks::other:
                guest_step_ = Step::opaque;
                upstream_step_ = Step::opaque;
                detector_.emplace(foreign_);
                break;
            }
            break;
        case Step::head: more = take_request_head(); break;
        case Step::body: more = take_request_body(); break;
        case Step::opaque:
            if (search(guest_in_, "unknown"))
                to_upstream_.append(as_bytes(guest_in_));
            guest_in_.clear();
            // What the other side has sent meanwhile is not HTTP either.
            take_upstream();
            return;
        }
    }
}

bool Conversation::take_request_head() {
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
    if (!head) {
        refuse("400 Bad Request", "request_refused", head.error());
        return false;
    }
    return take_request(std::move(*head));
}

bool Conversation::take_request(RequestHead head) {
    request_ = head;
    violated_ = false;
    const auto refused = [&](const std::string& why) {
        refuse("400 Bad Request", "request_refused", why);
        return false;
    };
    if (head.method == "CONNECT")
        return refused("CONNECT within a connection that has a server");
    const std::string* const host = head.find("host");
    if (head.count("host") != 1)
        return refused("not one Host header");
    // Without TLS nobody has said who is asked for, but by this.
    if (peers_.tls) {
        if (!is_host(*host, peers_.name))
            return refused("Host is " + *host + " on a connection to " + peers_.name);
        if (const auto authority = authority_of(head.target);
            authority && !is_host(*authority, peers_.name))
            return refused("a target at " + std::string(*authority) + " on a connection to " +
                           peers_.name);
    }
    const auto framing = request_framing(head);
    if (!framing)
        return refused(framing.error());
    if (!search_head(head) || !choose(head) || !substitute_head(head))
        return false;
    exchanges_.push_back({head.method, head.find("upgrade") != nullptr});
    begin_request_body(head, *framing);
    return true;
}

bool Conversation::fits(const Secret& secret, const RequestHead& head) const {
    const auto is_method = [&](const std::string& method) { return method == head.method; };
    const auto begins = [&](const std::string& path) { return head.path().starts_with(path); };
    return (secret.methods.empty() || std::ranges::any_of(secret.methods, is_method)) &&
           (secret.paths.empty() || std::ranges::any_of(secret.paths, begins));
}

/// The secrets for this request: those of the host that are asked for in it, as far as it can be seen now,
/// and that it may have. Of a secret with a budget each request with its placeholder is one.
bool Conversation::choose(const RequestHead& head) {
    chosen_.clear();
    const auto& all = secrets_->secrets();
    // A placeholder stands in it as it is, or encoded.
    const std::string text = head.text(), decoded = percent_decoded(text);
    for (const std::size_t i : allowed_) {
        const Secret& secret = all[i];
        if (!fits(secret, head))
            continue;
        const bool limited = secret.per_minute > 0 || secret.total > 0;
        const bool asked =
            secret.body || text.find(secret.placeholder) != std::string::npos ||
            decoded.find(secret.placeholder) != std::string::npos ||
            std::ranges::any_of(head.fields, [&](const Field& field) {
                const auto credentials = is_basic(field) ? credentials_of(field) : std::nullopt;
                return credentials && credentials->find(secret.placeholder) != std::string::npos;
            });
        if (limited && asked && !secrets_->take(i)) {
            refuse("403 Forbidden", "secret_budget_exceeded",
                   "The secret " + secret.env + " was used as often as it may be");
            return false;
        }
        chosen_.push_back(i);
    }
    std::vector<std::string_view> words;
    words.reserve(chosen_.size());
    for (const std::size_t i : chosen_)
        words.push_back(all[i].placeholder);
    own_ = std::make_shared<Words>(words);
    return true;
}

/// False if there was a placeholder that may not go there.
bool Conversation::search(std::string_view text, std::string_view location) {
    const auto found = [&](std::uint32_t word, Form form) { violated(word, form, location); };
    if (detector_) {
        detector_->feed(text, found);
    } else {
        Detector detector(foreign_);
        detector.feed(text, found);
        detector.finish(found);
    }
    return !violated_;
}

bool Conversation::search_head(const RequestHead& head) {
    if (foreign_->empty())
        return true;
    const auto query = head.target.find('?');
    if (!search(head.target.substr(0, query), "unknown"))
        return false;
    if (query != std::string::npos && !search(head.target.substr(query), "query"))
        return false;
    for (const Field& field : head.fields) {
        if (is_basic(field)) {
            const auto credentials = credentials_of(field);
            const auto found = [&](std::uint32_t word, Form) {
                violated(word, Form::basic, "authorization_basic");
            };
            Detector detector(foreign_);
            detector.feed(credentials.value_or(""), found);
            detector.finish(found);
            if (violated_)
                return false;
        }
        if (!search(field.name, "header") || !search(field.value, "header"))
            return false;
    }
    return true;
}

std::string Conversation::replaced(std::string_view text, const std::string& field) const {
    return replace_words(own_, text, most_grown, [&](std::uint32_t word) -> std::string {
        const Secret& secret = secrets_->secrets()[chosen_[word]];
        const bool may = secret.headers &&
                         (secret.header_fields.empty() ||
                          std::ranges::any_of(secret.header_fields, [&](const std::string& name) {
                              return same_name(name, field);
                          }));
        return may ? secret.value : secret.placeholder;
    });
}

std::string Conversation::replaced_query(std::string_view target) const {
    const auto query = target.find('?');
    if (query == std::string_view::npos)
        return std::string(target);
    // A placeholder stands there as it is, or encoded.
    std::vector<std::string> forms;
    std::vector<std::size_t> secret_of;
    const auto& all = secrets_->secrets();
    for (const std::size_t i : chosen_)
        if (all[i].query)
            for (std::string& form :
                 std::vector{all[i].placeholder, percent_encoded(all[i].placeholder),
                             percent_encoded(all[i].placeholder, false)}) {
                forms.push_back(std::move(form));
                secret_of.push_back(i);
            }
    const auto words =
        std::make_shared<const Words>(std::vector<std::string_view>(forms.begin(), forms.end()));
    return std::string(target.substr(0, query)) +
           replace_words(words, target.substr(query), most_grown, [&](std::uint32_t word) {
               return percent_encoded(all[secret_of[word]].value);
           });
}

/// False: refused.
bool Conversation::substitute_head(RequestHead& head) {
    if (!allowed_.empty()) // an answer that can be read
        head.set("Accept-Encoding", "identity");
    if (chosen_.empty())
        return true;
    head.target = replaced_query(head.target);
    std::size_t size = head.target.size();
    for (Field& field : head.fields) {
        const auto credentials = is_basic(field) ? credentials_of(field) : std::nullopt;
        if (credentials) {
            const std::string changed = replaced(*credentials, field.name);
            if (changed != *credentials)
                field.value = std::string(basic) + to_base64(as_bytes(changed));
        } else {
            field.value = replaced(field.value, field.name);
        }
        size += field.name.size() + field.value.size();
        if (size > most_grown)
            break;
    }
    return may_grow_to(size);
}

void Conversation::begin_request_body(RequestHead& head, const Framing& framing) {
    Body& body = request_body_ = Body(framing);
    detector_.emplace(foreign_);
    const std::string* const coding = head.find("content-encoding");
    body.coding = coding == nullptr ? "" : *coding;
    const auto& all = secrets_->secrets();
    body.replace = std::ranges::any_of(chosen_, [&](std::size_t i) { return all[i].body; });
    const bool coded = !is_identity(body.coding);
    // What is compressed has to be opened, to search it.
    const bool opened = coded && is_coding(body.coding) && !secrets_->empty();
    body.collect = framing.kind != Framing::Kind::none &&
                   (opened || (body.replace && framing.kind == Framing::Kind::length));
    if (coded && !opened)
        body.replace = false;
    guest_step_ = Step::body;
    sent_head_ = std::move(head);
    if (!body.collect) {
        to_upstream_.append(as_bytes(sent_head_.text()));
        return;
    }
    // The upstream cannot say so, because it does not see the request yet.
    if (sent_head_.find("expect") != nullptr && exchanges_.size() == 1 && !answering_) {
        sent_head_.remove("expect");
        to_guest_.append(as_bytes("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    if (framing.kind == Framing::Kind::length && framing.length > most_body)
        refuse("413 Content Too Large", "request_refused",
               "a body of more than 16 MiB that has to be searched or changed as a whole");
}

/// False when more is needed.
bool Conversation::take_request_body() {
    Body& body = request_body_;
    std::string_view data = guest_in_;
    const auto taken = body.take(data, [&](std::string_view part) { request_payload(part); });
    if (!taken)
        refuse("400 Bad Request", "request_refused", taken.error());
    if (ended_)
        return false;
    guest_in_.erase(0, guest_in_.size() - data.size());
    return body.done() && end_request_body();
}

void Conversation::request_payload(std::string_view payload) {
    Body& body = request_body_;
    if (ended_)
        return;
    if (body.collect) {
        if (!keep(body, payload))
            refuse("413 Content Too Large", "request_refused",
                   "a body that has to be searched or changed as a whole: more than 16 MiB, or "
                   "too many at the same time");
        return;
    }
    if (!search(payload, "body"))
        return;
    if (!body.replace)
        return pass_on(payload);
    body_out_.clear();
    if (!body_scanner_)
        body_scanner_.emplace(body_words());
    BodySink sink{*this};
    body_scanner_->feed(payload, sink);
    if (may_grow_to(body_out_.size()))
        pass_on(body_out_);
}

void Conversation::BodySink::text(std::string_view part) {
    if (of.body_out_.size() <= most_body)
        of.body_out_ += part;
}

void Conversation::BodySink::word(std::uint32_t number) {
    if (of.body_out_.size() <= most_body)
        of.body_out_ += of.body_values_[number];
}

/// Placeholders as they stand in a body of this type, and fills body_values_ with what they become.
std::shared_ptr<const Words> Conversation::body_words() {
    const std::string* const header = sent_head_.find("content-type");
    const std::string type = header == nullptr ? "" : *header;
    const bool form = type.starts_with("application/x-www-form-urlencoded");
    std::vector<std::string> words;
    body_values_.clear();
    for (const std::size_t i : chosen_) {
        const Secret& secret = secrets_->secrets()[i];
        words.push_back(secret.placeholder);
        body_values_.push_back(secret.body ? in_body(type, secret.value) : secret.placeholder);
        for (const bool upper : {true, false}) {
            if (!form || !secret.body)
                break;
            words.push_back(percent_encoded(secret.placeholder, upper));
            body_values_.push_back(percent_encoded(secret.value));
        }
    }
    return std::make_shared<Words>(std::vector<std::string_view>(words.begin(), words.end()));
}

void Conversation::pass_on(std::string_view data) {
    to_upstream_.append(
        as_bytes(request_body_.framing.kind == Framing::Kind::chunked ? chunk(data) : data));
}

bool Conversation::end_request_body() {
    Body& body = request_body_;
    if (body.collect) {
        const bool coded = !is_identity(body.coding);
        auto text = coded ? decode(body.coding, body.collected, most_body)
                          : std::optional(std::move(body.collected));
        if (!text) {
            refuse("400 Bad Request", "request_refused",
                   "a body that is not what its Content-Encoding says, or too large");
            return false;
        }
        if (!search(*text, "body"))
            return false;
        body_out_.clear();
        BodySink sink{*this};
        if (body.replace) {
            Scanner scanner(body_words());
            scanner.feed(*text, sink);
            scanner.finish(sink);
        } else {
            body_out_ = *text;
        }
        if (body_out_.size() > most_body) {
            refuse("413 Content Too Large", "request_refused",
                   "with its secrets the body is more than 16 MiB");
            return false;
        }
        std::string sent = body_out_ == *text && coded ? std::move(body.collected)
                           : coded ? encode(body.coding, body_out_).value_or(std::string())
                                   : std::move(body_out_);
        if (body.framing.kind == Framing::Kind::length)
            sent_head_.set("Content-Length", std::to_string(sent.size()));
        to_upstream_.append(as_bytes(sent_head_.text()));
        pass_on(sent);
        ::explicit_bzero(sent.data(), sent.size());
    } else if (body_scanner_) {
        body_out_.clear();
        BodySink sink{*this};
        body_scanner_->finish(sink);
        pass_on(body_out_);
    }
    detector_->finish([&](std::uint32_t word, Form form) { violated(word, form, "body"); });
    if (violated_)
        return false;
    if (body.framing.kind == Framing::Kind::chunked) {
        for (const Field& field : body.chunks.trailers())
            if (!search(field.name + ": " + field.value, "header"))
                return false;
        to_upstream_.append(as_bytes(last_chunk(body.chunks.trailers())));
    }
    detector_.reset();
    body_scanner_.reset();
    body_out_.clear();
    request_body_ = Body();
    guest_step_ = Step::head;
    return true;
}

} // namespace msb::tls
