#include "tls/content/request_filter.hpp"

#include "json/text.hpp"
#include "tls/content/coding.hpp"
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

std::string refusal_body(std::string_view code, const std::string& message,
                         const std::string& domain) {
    return json::to_text(
               {{"code", code}, {"message", message}, {"domain", json::or_null(domain)}}) +
           "\n";
}

void RequestFilter::refuse(std::string_view status, std::string_view code,
                           const std::string& message) {
    if (refused_)
        return;
    refused_ = true;
    body_.wipe();
    out_.refuse(status, code, message);
}

void RequestFilter::violated(std::uint32_t word, Form form, std::string_view location) {
    if (word >= reach_->watched.size() || refused_) // one that may go there
        return;
    const Secret& secret = reach_->secrets->secrets()[reach_->watched[word]];
    const Action action = reach_->secrets->action_of(secret);
    Violation violation{.action = action, .env = secret.env, .placeholder = secret.placeholder};
    violation.protocol = protocol_;
    violation.stream = stream_;
    violation.method = request_.method.substr(0, most_method);
    violation.path = request_.path().substr(0, Violation::most_path);
    const std::string* const host = request_.find("host");
    violation.host = host == nullptr ? std::string() : host->substr(0, Violation::most_host);
    violation.location = location;
    violation.form = form;
    observer_.violation(violation);
    if (action == Action::block_and_terminate)
        observer_.terminate();
    refuse("403 Forbidden", "secret_policy_denied",
           "The placeholder of the secret " + secret.env + " may not be sent to " + peers_.name);
}

/// False: refused. `size`: of what goes on, with values in it.
bool RequestFilter::may_grow_to(std::size_t size) {
    if (size > most_grown)
        refuse("413 Content Too Large", "request_refused",
               "with its secrets it is more than 1 MiB");
    else if (size > most_head && !observer_.has_room(size))
        refuse("503 Service Unavailable", "request_refused", "too much is on its way already");
    return !refused_;
}

bool RequestFilter::refuse_body(const std::string& why) {
    refuse("413 Content Too Large", "request_refused", why);
    return false;
}

// ---- heads --------------------------------------------------------------------------------------

bool RequestFilter::begin(std::shared_ptr<const Reach> reach, RequestHead head,
                          const Framing& framing) {
    reach_ = std::move(reach);
    request_ = head;
    detector_.reset();
    body_scanner_.reset();
    body_ = {};
    return check_host(head) && search_head(head) && choose(head) && substitute_head(head) &&
           begin_body(std::move(head), framing);
}

bool RequestFilter::check_host(const RequestHead& head) {
    const auto refused = [&](const std::string& why) {
        refuse("400 Bad Request", "request_refused", why);
        return false;
    };
    if (head.method == "CONNECT")
        return refused("CONNECT within a connection that has a server");
    if (head.count("host") != 1)
        return refused("not one Host header");
    // Without TLS nobody has said who is asked for, but by this.
    if (!peers_.tls)
        return true;
    const std::string& host = *head.find("host");
    if (!is_host(host, peers_.name))
        return refused("Host is " + host + " on a connection to " + peers_.name);
    if (const auto authority = authority_of(head.target);
        authority && !is_host(*authority, peers_.name))
        return refused("a target at " + std::string(*authority) + " on a connection to " +
                       peers_.name);
    return true;
}

bool RequestFilter::fits(const Secret& secret, const RequestHead& head) const {
    const auto is_method = [&](const std::string& method) { return method == head.method; };
    const auto begins = [&](const std::string& path) { return head.path().starts_with(path); };
    return (secret.methods.empty() || std::ranges::any_of(secret.methods, is_method)) &&
           (secret.paths.empty() || std::ranges::any_of(secret.paths, begins));
}

/// The secrets for this request: those of the host that are asked for in it, as far as it can be seen now,
/// and that it may have. Of a secret with a budget each request with its placeholder is one.
bool RequestFilter::choose(const RequestHead& head) {
    chosen_.clear();
    const auto& all = reach_->secrets->secrets();
    // A placeholder stands in it as it is, or encoded.
    const std::string text = head.text(), decoded = percent_decoded(text);
    for (const std::size_t i : reach_->allowed) {
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
        if (limited && asked && !reach_->secrets->take(i)) {
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
bool RequestFilter::search(std::string_view text, std::string_view location) {
    const auto found = [&](std::uint32_t word, Form form) { violated(word, form, location); };
    if (detector_) {
        detector_->feed(text, found);
    } else {
        Detector detector(reach_->foreign);
        detector.feed(text, found);
        detector.finish(found);
    }
    return !refused_;
}

bool RequestFilter::search_head(const RequestHead& head) {
    if (reach_->foreign->empty())
        return true;
    const auto query = head.target.find('?');
    if (!search(head.method, "unknown") || !search(head.target.substr(0, query), "unknown"))
        return false;
    if (query != std::string::npos && !search(head.target.substr(query), "query"))
        return false;
    for (const Field& field : head.fields) {
        if (is_basic(field)) {
            const auto credentials = credentials_of(field);
            const auto found = [&](std::uint32_t word, Form) {
                violated(word, Form::basic, "authorization_basic");
            };
            Detector detector(reach_->foreign);
            detector.feed(credentials.value_or(""), found);
            detector.finish(found);
            if (refused_)
                return false;
        }
        if (!search(field.name, "header") || !search(field.value, "header"))
            return false;
    }
    return true;
}

std::string RequestFilter::replaced(std::string_view text, const std::string& field) const {
    return replace_words(own_, text, most_grown, [&](std::uint32_t word) -> std::string {
        const Secret& secret = reach_->secrets->secrets()[chosen_[word]];
        const bool may = secret.headers &&
                         (secret.header_fields.empty() ||
                          std::ranges::any_of(secret.header_fields, [&](const std::string& name) {
                              return same_name(name, field);
                          }));
        return may ? secret.value : secret.placeholder;
    });
}

std::string RequestFilter::replaced_query(std::string_view target) const {
    const auto query = target.find('?');
    if (query == std::string_view::npos)
        return std::string(target);
    // A placeholder stands there as it is, or encoded.
    std::vector<std::string> forms;
    std::vector<std::size_t> secret_of;
    const auto& all = reach_->secrets->secrets();
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
bool RequestFilter::substitute_head(RequestHead& head) {
    if (!reach_->allowed.empty()) // an answer that can be read
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
                field = {field.name, std::string(basic) + to_base64(as_bytes(changed)), true};
        } else if (std::string changed = replaced(field.value, field.name);
                   changed != field.value) {
            field = {field.name, std::move(changed), true};
        }
        size += field.name.size() + field.value.size();
        if (size > most_grown)
            break;
    }
    return may_grow_to(size);
}

// ---- bodies -------------------------------------------------------------------------------------

/// False: refused.
bool RequestFilter::begin_body(RequestHead head, const Framing& framing) {
    body_.framing = framing;
    detector_.emplace(reach_->foreign);
    const bool has_body = framing.kind != Framing::Kind::none;
    const std::string* const coding = head.find("content-encoding");
    body_.coding = coding == nullptr ? "" : *coding;
    const auto& all = reach_->secrets->secrets();
    body_.replace = has_body && !has_inner_lengths(head) &&
                    std::ranges::any_of(chosen_, [&](std::size_t i) { return all[i].body; });
    const bool coded = !is_identity(body_.coding);
    // What is compressed has to be opened, to search it.
    const bool opened = coded && is_coding(body_.coding) && !reach_->secrets->empty();
    body_.collect =
        has_body && (opened || (body_.replace && framing.kind == Framing::Kind::length));
    if (coded && !opened)
        body_.replace = false;
    sent_head_ = std::move(head);
    if (!body_.collect) {
        out_.request_head(sent_head_, has_body);
        return !refused_;
    }
    if (framing.kind == Framing::Kind::length && framing.length > most_body)
        return refuse_body(
            "a body of more than 16 MiB that has to be searched or changed as a whole");
    // The upstream cannot say so, because it does not see the request yet.
    if (sent_head_.find("expect") != nullptr && out_.ask_for_body())
        sent_head_.remove("expect");
    return true;
}

bool RequestFilter::payload(std::string_view payload) {
    if (refused_)
        return false;
    if (body_.collect) {
        if (body_.collected.size() + payload.size() > most_body ||
            !observer_.has_room(payload.size()))
            return refuse_body("a body that has to be searched or changed as a whole: more than "
                               "16 MiB, or too many at the same time");
        body_.collected += payload;
        return true;
    }
    if (!search(payload, "body"))
        return false;
    if (!body_.replace) {
        out_.request_payload(payload);
        return !refused_;
    }
    body_out_.clear();
    if (!body_scanner_)
        body_scanner_.emplace(body_words());
    BodySink sink{*this};
    body_scanner_->feed(payload, sink);
    if (may_grow_to(body_out_.size()))
        out_.request_payload(body_out_);
    return !refused_;
}

void RequestFilter::BodySink::text(std::string_view part) {
    if (of.body_out_.size() <= most_body)
        of.body_out_ += part;
}

void RequestFilter::BodySink::word(std::uint32_t number) {
    if (of.body_out_.size() <= most_body)
        of.body_out_ += of.body_values_[number];
}

/// Placeholders as they stand in a body of this type, and fills body_values_ with what they become.
std::shared_ptr<const Words> RequestFilter::body_words() {
    const std::string* const header = sent_head_.find("content-type");
    const std::string type = header == nullptr ? "" : *header;
    const bool form = type.starts_with("application/x-www-form-urlencoded");
    std::vector<std::string> words;
    body_values_.clear();
    for (const std::size_t i : chosen_) {
        const Secret& secret = reach_->secrets->secrets()[i];
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

/// False: refused.
bool RequestFilter::send_collected() {
    const bool coded = !is_identity(body_.coding);
    auto text = coded ? decode(body_.coding, body_.collected, most_body)
                      : std::optional(std::move(body_.collected));
    if (!text) {
        refuse("400 Bad Request", "request_refused",
               "a body that is not what its Content-Encoding says, or too large");
        return false;
    }
    if (!search(*text, "body"))
        return false;
    body_out_.clear();
    BodySink sink{*this};
    if (body_.replace) {
        Scanner scanner(body_words());
        scanner.feed(*text, sink);
        scanner.finish(sink);
    } else {
        body_out_ = *text;
    }
    if (body_out_.size() > most_body)
        return refuse_body("with its secrets the body is more than 16 MiB");
    std::string sent = body_out_ == *text && coded ? std::move(body_.collected)
                       : coded ? encode(body_.coding, body_out_).value_or(std::string())
                               : std::move(body_out_);
    if (body_.framing.kind == Framing::Kind::length)
        sent_head_.set("Content-Length", std::to_string(sent.size()));
    out_.request_head(sent_head_, true);
    out_.request_payload(sent);
    ::explicit_bzero(sent.data(), sent.size());
    return !refused_;
}

bool RequestFilter::finish_search(std::string_view location) {
    detector_->finish([&](std::uint32_t word, Form form) { violated(word, form, location); });
    return !refused_;
}

bool RequestFilter::end(const std::vector<Field>& trailers) {
    if (refused_ || (body_.collect && !send_collected()))
        return false;
    if (body_scanner_) {
        body_out_.clear();
        BodySink sink{*this};
        body_scanner_->finish(sink);
        out_.request_payload(body_out_);
    }
    if (!finish_search("body"))
        return false;
    for (const Field& field : trailers)
        if (!search(field.name + ": " + field.value, "header"))
            return false;
    out_.request_end(trailers);
    detector_.reset();
    body_scanner_.reset();
    body_out_.clear();
    body_ = {};
    return true;
}

// ---- what is no HTTP ----------------------------------------------------------------------------

void RequestFilter::begin_other(std::shared_ptr<const Reach> reach) {
    reach_ = std::move(reach);
    protocol_ = "other";
    detector_.emplace(reach_->foreign);
}

void RequestFilter::end_other() {
    finish_search("unknown");
}

} // namespace msb::tls
