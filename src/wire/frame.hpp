// Frames and envelopes: what every byte between host client, relay and guest agent is made of.
//
//   offset 0  u32 BE  length L of what follows: 5 + body, 5 <= L <= 4,194,304
//          4  u32 BE  correlation id
//          8  u8      flags
//          9  body    CBOR map {"v": generation, "t": type name, "p": byte string (CBOR payload)}
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace msb::wire {

inline constexpr std::uint8_t generation = 7;
inline constexpr std::size_t max_frame_length = 4'194'304;          ///< largest legal L
inline constexpr std::size_t frame_header_size = 9;                 ///< length, id and flags
inline constexpr std::size_t max_frame_size = 4 + max_frame_length; ///< whole frame, in bytes

inline constexpr std::uint8_t flag_terminal = 1;      ///< last frame of its correlation id
inline constexpr std::uint8_t flag_session_start = 2; ///< first frame of a session
inline constexpr std::uint8_t flag_shutdown = 4;

struct Frame {
    std::uint32_t id = 0;
    std::uint8_t flags = 0;
    BytesView body; ///< points into the reader's buffer
};

/// The frame at the beginning of `data`, which is then what follows it; none if `data` does not
/// hold the whole of it. An illegal length is ErrorKind::protocol: the stream cannot be
/// resynchronised and must be closed.
Result<std::optional<Frame>> take_frame(BytesView& data);
/// Bytes that the frame which begins with `data` still lacks; 0 if its length is not known yet.
std::size_t missing_bytes(BytesView data);
/// The whole frame, header included: it lies in front of the body.
inline BytesView raw_frame(const Frame& frame) {
    return {frame.body.data() - frame_header_size, frame.body.size() + frame_header_size};
}

/// Cuts a byte stream into frames. Holds at most one incomplete frame plus what was fed since the
/// last next() that returned none, so memory is bounded if the caller drains after each feed.
class FrameReader {
  public:
    void feed(BytesView data);
    /// For reading straight into the buffer: space for at least `size` bytes, of which commit()
    /// says how many were filled. Invalidates frames returned earlier.
    MutableBytesView prepare(std::size_t size);
    void commit(std::size_t size);

    /// The next whole frame, or none until more is fed; see take_frame(). The frame's body stays
    /// valid until the next feed() or prepare().
    Result<std::optional<Frame>> next();

    std::size_t buffered() const { return end_ - begin_; }
    /// See missing_bytes().
    std::size_t missing() const { return missing_bytes(unread()); }

  private:
    BytesView unread() const { return BytesView(buffer_).subspan(begin_, end_ - begin_); }
    void make_room(std::size_t size);
    Bytes buffer_;
    std::size_t begin_ = 0; ///< first byte not yet returned
    std::size_t end_ = 0;   ///< end of the bytes received
    std::size_t peak_ = 0;  ///< largest end_ since the buffer was empty
};

/// A decoded body. `type` and `payload` point into the body (or into `joined`, if they came as
/// strings of indefinite length), so it must outlive the envelope.
struct Envelope {
    std::uint8_t v = 0; ///< the sender's protocol generation
    std::string_view type;
    BytesView payload;

    Envelope() = default;
    Envelope(Envelope&&) = default;
    Envelope& operator=(Envelope&&) = default;

    Bytes joined_type;
    Bytes joined_payload;
};

/// Keys may come in any order, unknown keys are ignored; "v" and "t" are required, an absent "p"
/// is an empty payload. ErrorKind::protocol otherwise.
Result<Envelope> decode_envelope(BytesView body);

/// Appends the frame header and the envelope up to the head of the payload string;
/// exactly `payload_size` bytes of payload must be appended next.
void begin_frame(Bytes& out, std::uint32_t id, std::uint8_t flags, std::string_view type,
                 std::size_t payload_size);

} // namespace msb::wire
