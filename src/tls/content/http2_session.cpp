#include "tls/content/http2_session.hpp"

#include "tls/content/request_filter.hpp"

#include <algorithm>
#include <array>
#include <nghttp2/nghttp2.h>

namespace msb::tls {

namespace {

/// Blocks of headers that nobody has to read at once.
constexpr std::size_t most_sent_head = RequestFilter::most_grown + most_head;
/// Frames of one block of headers, and answers to PING and SETTINGS that wait to be sent.
constexpr std::size_t most_continuations = 8, most_acknowledgements = 1000;
/// Streams that a peer may open and reset: so many at once, and then a second.
constexpr std::uint64_t reset_burst = 500, resets_a_second = 50;

std::uint8_t* bytes_of(const std::string& text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data())); // only read by nghttp2
}

std::vector<nghttp2_nv> pairs_of(const std::vector<Field>& fields) {
    std::vector<nghttp2_nv> pairs;
    pairs.reserve(fields.size());
    for (const Field& field : fields)
        // What a secret is in is kept in no table, here or there (RFC 7541 §7.1).
        pairs.push_back({bytes_of(field.name), bytes_of(field.value), field.name.size(),
                         field.value.size(),
                         static_cast<std::uint8_t>(field.secret ? NGHTTP2_NV_FLAG_NO_INDEX
                                                                : NGHTTP2_NV_FLAG_NONE)});
    return pairs;
}

std::string_view text_of(const std::uint8_t* data, std::size_t size) {
    return as_text(BytesView(data, size));
}

} // namespace

struct Http2Session::Callbacks {
    static Http2Session& of(void* self) { return *static_cast<Http2Session*>(self); }

    static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* self) {
        of(self).events_.headers_begin(frame->hd.stream_id);
        return 0;
    }

    static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t, void* self) {
        of(self).events_.header(frame->hd.stream_id, text_of(name, name_size),
                                text_of(value, value_size));
        return 0;
    }

    static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* self) {
        Events& events = of(self).events_;
        const bool last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        if (frame->hd.type == NGHTTP2_HEADERS)
            events.headers_end(frame->hd.stream_id, last);
        else if (frame->hd.type == NGHTTP2_DATA && last)
            events.data_end(frame->hd.stream_id);
        else if (frame->hd.type == NGHTTP2_GOAWAY)
            events.going_away();
        return 0;
    }

    static int data(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* data,
                    std::size_t size, void* self) {
        of(self).events_.data(stream, text_of(data, size));
        return 0;
    }

    static int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* self) {
        if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
            (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
            of(self).events_.last_sent(frame->hd.stream_id);
        return 0;
    }

    /// A request that could not even begin, for instance because the peer takes no more: it does not know of the
    /// stream. Or the head of an answer, to whom waits for it.
    static int frame_not_sent(nghttp2_session* session, const nghttp2_frame* frame, int,
                              void* self) {
        if (frame->hd.type != NGHTTP2_HEADERS)
            return 0;
        if (nghttp2_session_check_server_session(session) != 0)
            of(self).reset(frame->hd.stream_id, Http2Error::internal);
        of(self).events_.closed(frame->hd.stream_id, Http2Error::refused_stream);
        return 0;
    }

    static int closed(nghttp2_session*, std::int32_t stream, std::uint32_t error, void* self) {
        of(self).events_.closed(stream, static_cast<Http2Error>(error));
        return 0;
    }

    static ssize_t read_body(nghttp2_session* session, std::int32_t stream, std::uint8_t* into,
                             std::size_t room, std::uint32_t* flags, nghttp2_data_source*,
                             void* self) {
        Outgoing* const body = of(self).events_.outgoing(stream);
        if (body == nullptr)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        if (body->data.empty() && !body->ended)
            return NGHTTP2_ERR_DEFERRED;
        const BytesView part = body->data.view().first(std::min(room, body->data.size()));
        std::ranges::copy(part, into);
        body->data.consume(part.size());
        if (body->data.empty() && body->ended) {
            *flags |= NGHTTP2_DATA_FLAG_EOF;
            if (!body->trailers.empty()) {
                *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
                const auto pairs = pairs_of(body->trailers);
                if (nghttp2_submit_trailer(session, stream, pairs.data(), pairs.size()) != 0)
                    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
            }
        }
        return static_cast<ssize_t>(part.size());
    }
};

void Http2Session::Deleter::operator()(nghttp2_session* session) const {
    nghttp2_session_del(session);
}

Http2Session::Http2Session(Role role, Events& events) : events_(events) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_option* option = nullptr;
    nghttp2_session* session = nullptr;
    if (nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&option) == 0) {
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks,
                                                                Callbacks::begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame_received);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data);
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Callbacks::frame_sent);
        nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks,
                                                                 Callbacks::frame_not_sent);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::closed);
        nghttp2_option_set_no_auto_window_update(option, 1);
        nghttp2_option_set_no_closed_streams(option, 1);
        nghttp2_option_set_max_send_header_block_length(option, most_sent_head);
        nghttp2_option_set_max_continuations(option, most_continuations);
        nghttp2_option_set_max_outbound_ack(option, most_acknowledgements);
        nghttp2_option_set_stream_reset_rate_limit(option, reset_burst, resets_a_second);
        if (role == Role::server)
            nghttp2_session_server_new2(&session, callbacks, this, option);
        else
            nghttp2_session_client_new2(&session, callbacks, this, option);
    }
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    session_.reset(session);
    const std::array<nghttp2_settings_entry, 4> settings{{
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, most_head},
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, role == Role::server ? most_streams : 0},
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}, // only a client says so
    }};
    broken_ = !session_ ||
              nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(),
                                      role == Role::server ? settings.size() - 1
                                                           : settings.size()) != 0 ||
              nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, window) != 0;
}

Http2Session::~Http2Session() = default;

void Http2Session::receive(BytesView data) {
    if (!broken_ && nghttp2_session_mem_recv(session_.get(), data.data(), data.size()) < 0)
        broken_ = true;
}

void Http2Session::send(OutBuffer& into, std::size_t most) {
    while (session_ && into.size() < most) {
        const std::uint8_t* data = nullptr;
        const ssize_t size = nghttp2_session_mem_send(session_.get(), &data);
        if (size < 0)
            broken_ = true;
        if (size <= 0)
            return;
        into.append(BytesView(data, static_cast<std::size_t>(size)));
    }
}

std::size_t Http2Session::queued() const {
    return session_ ? nghttp2_session_get_outbound_queue_size(session_.get()) : 0;
}

bool Http2Session::over() const {
    return broken_ || (nghttp2_session_want_read(session_.get()) == 0 &&
                       nghttp2_session_want_write(session_.get()) == 0);
}

std::int32_t Http2Session::request(const std::vector<Field>& fields, bool has_body) {
    const auto pairs = pairs_of(fields);
    const nghttp2_data_provider body{.source = {}, .read_callback = Callbacks::read_body};
    return broken_ ? -1
                   : nghttp2_submit_request(session_.get(), nullptr, pairs.data(), pairs.size(),
                                            has_body ? &body : nullptr, nullptr);
}

void Http2Session::respond(std::int32_t stream, const std::vector<Field>& fields, bool has_body) {
    const auto pairs = pairs_of(fields);
    const nghttp2_data_provider body{.source = {}, .read_callback = Callbacks::read_body};
    if (nghttp2_submit_response(session_.get(), stream, pairs.data(), pairs.size(),
                                has_body ? &body : nullptr) != 0)
        reset(stream, Http2Error::internal);
}

void Http2Session::respond_interim(std::int32_t stream, const std::vector<Field>& fields) {
    const auto pairs = pairs_of(fields);
    nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_NONE, stream, nullptr, pairs.data(),
                           pairs.size(), nullptr);
}

void Http2Session::resume(std::int32_t stream) {
    nghttp2_session_resume_data(session_.get(), stream); // an error: it does not wait
}

void Http2Session::consumed(std::int32_t stream, std::size_t size) {
    if (size > 0 && nghttp2_session_consume(session_.get(), stream, size) != 0)
        broken_ = true;
}

void Http2Session::reset(std::int32_t stream, Http2Error why) {
    nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream,
                              static_cast<std::uint32_t>(why));
}

void Http2Session::go_away() {
    if (!broken_)
        nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(session_.get()),
                              NGHTTP2_NO_ERROR, nullptr, 0);
}

} // namespace msb::tls
