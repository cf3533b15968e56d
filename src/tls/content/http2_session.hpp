// One end of an HTTP/2 connection (RFC 9113), over nghttp2: frames, header compression and flow control, and bounds on
// what a peer can make of them. Bytes go in and come out; what they mean is told to Events.
#pragma once

#include "base/out_buffer.hpp"
#include "tls/content/head.hpp"

#include <cstdint>
#include <memory>

struct nghttp2_session;

namespace msb::tls {

/// Of RFC 9113 §7.
enum class Http2Error : std::uint32_t {
    none = 0,
    internal = 2,
    refused_stream = 7,
    cancel = 8,
    enhance_your_calm = 11,
};

class Http2Session {
  public:
    enum class Role { server, client };

    /// Of a peer's: more are refused.
    static constexpr std::uint32_t most_streams = 100;
    /// What a peer may send that was not consumed yet: on a stream, on all.
    static constexpr std::int32_t stream_window = 1 << 20, window = 2 << 20;

    /// A body on its way out.
    struct Outgoing {
        OutBuffer data;
        bool ended = false; ///< nothing more is added
        std::vector<Field> trailers;
    };

    /// What comes in. They may use the session, but for receive() and send().
    class Events {
      public:
        virtual ~Events() = default;
        /// A block of headers: of a request, an answer or trailers.
        virtual void headers_begin(std::int32_t stream) = 0;
        virtual void header(std::int32_t stream, std::string_view name, std::string_view value) = 0;
        virtual void headers_end(std::int32_t stream, bool last) = 0;
        /// Has to be consumed() one day.
        virtual void data(std::int32_t stream, std::string_view data) = 0;
        virtual void data_end(std::int32_t stream) = 0;
        /// The last frame of this side of a stream went out.
        virtual void last_sent(std::int32_t stream) = 0;
        virtual void closed(std::int32_t stream, Http2Error why) = 0;
        /// The peer takes no new streams.
        virtual void going_away() = 0;
        /// What is to be sent on a stream; none if nothing more is.
        virtual Outgoing* outgoing(std::int32_t stream) = 0;
    };

    Http2Session(Role role, Events& events);
    ~Http2Session();
    Http2Session(const Http2Session&) = delete;
    Http2Session& operator=(const Http2Session&) = delete;

    void receive(BytesView data);
    /// Frames, until `into` has `most` bytes.
    void send(OutBuffer& into, std::size_t most);
    /// Frames that wait, but for bodies that wait for more.
    std::size_t queued() const;
    /// Nothing more can be received or sent.
    bool over() const;

    /// Names have to be in lower case. The new stream; negative: there can be none.
    std::int32_t request(const std::vector<Field>& fields, bool has_body);
    void respond(std::int32_t stream, const std::vector<Field>& fields, bool has_body);
    void respond_interim(std::int32_t stream, const std::vector<Field>& fields);
    /// Events::outgoing() has more.
    void resume(std::int32_t stream);
    void consumed(std::int32_t stream, std::size_t size);
    void reset(std::int32_t stream, Http2Error why);
    /// No new streams are taken.
    void go_away();

  private:
    struct Callbacks;
    struct Deleter {
        void operator()(nghttp2_session* session) const;
    };

    Events& events_;
    std::unique_ptr<nghttp2_session, Deleter> session_;
    bool broken_ = false;
};

} // namespace msb::tls
