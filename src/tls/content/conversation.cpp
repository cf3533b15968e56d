#include "tls/content/conversation.hpp"

#include "json/text.hpp"
#include "tls/patterns.hpp"

#include <algorithm>

namespace msb::tls {

namespace {

bool any_matches(const std::vector<std::string>& patterns, std::string_view host) {
    return std::ranges::any_of(
        patterns, [&](const std::string& pattern) { return matches_host(pattern, host); });
}

} // namespace

Conversation::Conversation(Peers peers, std::shared_ptr<const SecretSet> secrets,
                           Observer& observer)
    : peers_(std::move(peers)), observer_(observer) {
    use(std::move(secrets));
}

Conversation::Body::Body(const Framing& is)
    : framing(is), left(is.kind == Framing::Kind::until_close ? UINT64_MAX : is.length) {}

void Conversation::replace_secrets(std::shared_ptr<const SecretSet> secrets) {
    next_secrets_ = std::move(secrets);
    use_next_secrets();
}

/// False: not yet. What has begun ends as it has begun.
bool Conversation::use_next_secrets() {
    if (!next_secrets_)
        return true;
    if (!exchanges_.empty() || (guest_step_ != Step::begin && guest_step_ != Step::head))
        return false;
    use(std::exchange(next_secrets_, nullptr));
    return true;
}

/// A host may have a secret if it has proved to be one of the secret's, and the guest did not come here
/// by an address that the resolver has not called so.
bool Conversation::may_have(const Secret& secret) const {
    if (!peers_.tls)
        return false;
    for (const std::string& pattern : secret.hosts) {
        if (!matches_host(pattern, peers_.name))
            continue;
        if (peers_.verified || std::ranges::any_of(peers_.names, [&](const std::string& name) {
                return matches_host(pattern, name);
            }))
            return true;
    }
    return false;
}

void Conversation::use(std::shared_ptr<const SecretSet> secrets) {
    secrets_ = std::move(secrets);
    allowed_.clear();
    watched_.clear();
    std::vector<std::string_view> foreign;
    const auto& all = secrets_->secrets();
    for (std::size_t i = 0; i < all.size(); ++i) {
        const Secret& secret = all[i];
        if (may_have(secret)) {
            allowed_.push_back(i);
        } else if (!any_matches(secret.passthrough, peers_.name)) {
            foreign.push_back(secret.placeholder);
            watched_.push_back(i);
        }
    }
    // The same placeholder for several secrets: the one that may go there decides.
    for (std::size_t word = foreign.size(); word-- > 0;)
        if (std::ranges::any_of(
                allowed_, [&](std::size_t i) { return all[i].placeholder == foreign[word]; })) {
            foreign.erase(foreign.begin() + static_cast<std::ptrdiff_t>(word));
            watched_.erase(watched_.begin() + static_cast<std::ptrdiff_t>(word));
        }
    // Placeholders that may go there are words, too, so that another one is not found within them.
    for (const std::size_t i : allowed_)
        foreign.push_back(all[i].placeholder);
    foreign_ = std::make_shared<Words>(foreign);
    echoes_ = secrets_->echoes_of(allowed_);
}

void Conversation::violated(std::uint32_t word, Form form, std::string_view location) {
    if (word >= watched_.size() || violated_) // one that may go there
        return;
    violated_ = true;
    const Secret& secret = secrets_->secrets()[watched_[word]];
    const Action action = secrets_->action_of(secret);
    Violation violation{.action = action, .env = secret.env, .placeholder = secret.placeholder};
    violation.method = request_.method.substr(0, most_method);
    violation.path = request_.path().substr(0, most_path);
    const std::string* const host = request_.find("host");
    violation.host = host == nullptr ? std::string() : host->substr(0, most_host);
    violation.location = location;
    violation.form = form;
    if (guest_step_ == Step::opaque)
        violation.protocol = "other";
    observer_.violation(violation);
    if (action == Action::block_and_terminate)
        observer_.terminate();
    refuse("403 Forbidden", "secret_policy_denied",
           "The placeholder of the secret " + secret.env + " may not be sent to " + peers_.name);
}

void Conversation::refuse(std::string_view status, std::string_view code,
                          const std::string& message) {
    if (ended_)
        return;
    // Only a guest that waits for no other answer takes this one for its own.
    const std::size_t at_hand = guest_step_ == Step::body ? 1 : 0;
    if (guest_step_ != Step::opaque && exchanges_.size() <= at_hand && !answering_) {
        const std::string body =
            json::to_text(
                {{"code", code}, {"message", message}, {"domain", json::or_null(peers_.name)}}) +
            "\n";
        to_guest_.append(as_bytes(
            "HTTP/1.1 " + std::string(status) +
            "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
            "\r\nConnection: close\r\n\r\n" + body));
    }
    to_upstream_.clear();
    end();
}

/// False: refused. `size`: of what goes on, with values in it.
bool Conversation::may_grow_to(std::size_t size) {
    if (size > most_grown)
        refuse("413 Content Too Large", "request_refused",
               "with its secrets it is more than 1 MiB");
    else if (size > most_head && !observer_.has_room(size))
        refuse("503 Service Unavailable", "request_refused", "too much is on its way already");
    return !ended_;
}

/// Nothing of it has gone to the guest yet.
void Conversation::refuse_answer(const std::string& why) {
    exchanges_.clear();
    answering_ = false;
    refuse("502 Bad Gateway", "answer_refused", "the server's answer: " + why);
}

/// False: it is too much, of this body or of all that are kept.
bool Conversation::keep(Body& body, std::string_view payload) {
    if (body.collected.size() + payload.size() > most_body || !observer_.has_room(payload.size()))
        return false;
    body.collected += payload;
    return true;
}

void Conversation::end() {
    ended_ = true;
    // Before anything else: others wait for the room.
    for (Body* const body : {&request_body_, &response_body_}) {
        ::explicit_bzero(body->collected.data(), body->collected.size());
        std::string().swap(body->collected);
    }
}

void Conversation::from_guest(BytesView data) {
    guest_in_ += as_text(data);
    take_guest();
}

void Conversation::guest_ended() {
    if (guest_step_ == Step::opaque && detector_)
        detector_->finish([&](std::uint32_t word, Form form) { violated(word, form, "unknown"); });
    // Half a request is none.
    if (guest_step_ == Step::body || !guest_in_.empty())
        to_upstream_.clear();
}

void Conversation::from_upstream(BytesView data) {
    upstream_in_ += as_text(data);
    take_upstream();
}

void Conversation::upstream_ended() {
    take_upstream();
    if (upstream_step_ == Step::body && response_body_.framing.kind == Framing::Kind::until_close)
        end_response_body();
    end();
}

} // namespace msb::tls
