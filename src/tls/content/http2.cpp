#include "tls/content/http2.hpp"

#include <utility>

namespace msb::tls {

Http2Conversation::Http2Conversation(Peers peers, std::shared_ptr<const SecretSet> secrets,
                                     Observer& observer)
    : peers_(std::move(peers)), observer_(observer),
      reach_(std::make_shared<const Reach>(peers_, std::move(secrets))),
      guest_(Http2Session::Role::server, guest_events_),
      upstream_(Http2Session::Role::client, upstream_events_) {}

void Http2Conversation::replace_secrets(std::shared_ptr<const SecretSet> secrets) {
    reach_ = std::make_shared<const Reach>(peers_, std::move(secrets));
}

std::size_t Http2Conversation::held() const {
    std::size_t size = to_guest_.size() + to_upstream_.size();
    for (const auto& [id, stream] : streams_)
        size += stream->held();
    return size;
}

/// What was answered goes to its end.
void Http2Conversation::upstream_ended() {
    if (std::exchange(upstream_gone_, true))
        return;
    for (const auto& [id, stream] : streams_)
        stream->upstream_closed(Http2Error::internal);
    upstream_streams_.clear();
    guest_.go_away();
    to_upstream_.clear();
}

void Http2Conversation::refill() {
    if (ended_)
        return;
    for (const auto& [id, stream] : streams_)
        stream->settle();
    if (!upstream_gone_) {
        upstream_.send(to_upstream_, filled);
        if (upstream_.over())
            upstream_ended();
    }
    guest_.send(to_guest_, filled);
    const bool done = upstream_gone_ && streams_.empty() && guest_.queued() == 0;
    ended_ = guest_.over() || done;
}

Http2Stream* Http2Conversation::by_guest(std::int32_t id) const {
    const auto found = streams_.find(id);
    return found == streams_.end() ? nullptr : found->second.get();
}

Http2Stream* Http2Conversation::by_upstream(std::int32_t id) const {
    const auto found = upstream_streams_.find(id);
    return found == upstream_streams_.end() ? nullptr : found->second;
}

void Http2Conversation::upstream_opened(std::int32_t upstream_id, Http2Stream& stream) {
    upstream_streams_[upstream_id] = &stream;
}

// ---- of the guest -------------------------------------------------------------------------------

void Http2Conversation::GuestEvents::headers_begin(std::int32_t id) {
    auto& stream = self.streams_[id];
    if (!stream)
        stream = std::make_unique<Http2Stream>(static_cast<Http2Stream::Owner&>(self), self.guest_,
                                               self.upstream_, self.peers_, self.observer_,
                                               self.reach_, id);
    stream->guest_headers_begin();
}

void Http2Conversation::GuestEvents::header(std::int32_t id, std::string_view name,
                                            std::string_view value) {
    if (Http2Stream* const stream = self.by_guest(id))
        stream->guest_header(name, value);
}

void Http2Conversation::GuestEvents::headers_end(std::int32_t id, bool last) {
    if (Http2Stream* const stream = self.by_guest(id))
        stream->guest_headers_end(last);
}

void Http2Conversation::GuestEvents::data(std::int32_t id, std::string_view data) {
    if (Http2Stream* const stream = self.by_guest(id))
        stream->guest_data(data);
    else
        self.guest_.consumed(id, data.size());
}

void Http2Conversation::GuestEvents::data_end(std::int32_t id) {
    if (Http2Stream* const stream = self.by_guest(id))
        stream->guest_data_end();
}

void Http2Conversation::GuestEvents::last_sent(std::int32_t id) {
    if (Http2Stream* const stream = self.by_guest(id))
        stream->guest_last_sent();
}

void Http2Conversation::GuestEvents::closed(std::int32_t id, Http2Error) {
    if (const Http2Stream* const stream = self.by_guest(id))
        self.upstream_streams_.erase(stream->upstream_id());
    self.streams_.erase(id);
}

Http2Session::Outgoing* Http2Conversation::GuestEvents::outgoing(std::int32_t id) {
    Http2Stream* const stream = self.by_guest(id);
    return stream == nullptr ? nullptr : &stream->to_guest();
}

// ---- of the upstream ----------------------------------------------------------------------------

void Http2Conversation::UpstreamEvents::headers_begin(std::int32_t id) {
    if (Http2Stream* const stream = self.by_upstream(id))
        stream->upstream_headers_begin();
}

void Http2Conversation::UpstreamEvents::header(std::int32_t id, std::string_view name,
                                               std::string_view value) {
    if (Http2Stream* const stream = self.by_upstream(id))
        stream->upstream_header(name, value);
}

void Http2Conversation::UpstreamEvents::headers_end(std::int32_t id, bool last) {
    if (Http2Stream* const stream = self.by_upstream(id))
        stream->upstream_headers_end(last);
}

void Http2Conversation::UpstreamEvents::data(std::int32_t id, std::string_view data) {
    if (Http2Stream* const stream = self.by_upstream(id))
        stream->upstream_data(data);
    else
        self.upstream_.consumed(id, data.size());
}

void Http2Conversation::UpstreamEvents::data_end(std::int32_t id) {
    if (Http2Stream* const stream = self.by_upstream(id))
        stream->upstream_data_end();
}

void Http2Conversation::UpstreamEvents::closed(std::int32_t id, Http2Error why) {
    if (Http2Stream* const stream = self.by_upstream(id))
        stream->upstream_closed(why);
    self.upstream_streams_.erase(id);
}

Http2Session::Outgoing* Http2Conversation::UpstreamEvents::outgoing(std::int32_t id) {
    Http2Stream* const stream = self.by_upstream(id);
    return stream == nullptr ? nullptr : &stream->to_upstream();
}

} // namespace msb::tls
