// CBOR (RFC 8949), the part the wire protocol uses: a writer that produces the shortest form and
// a pull reader that accepts every well-formed form.
//
// The reader never recurses and never allocates by a length it read: a peer can claim any count,
// but pays one input byte per item. Strings are views into the input; only a string that arrives
// in pieces (indefinite length) is joined in memory of the caller.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace msb::cbor {

/// Deepest nesting that skip() follows; more is ErrorKind::limit_exceeded.
inline constexpr std::size_t max_depth = 16;

/// Appends items to a byte vector. Always the shortest head, always definite lengths.
class Writer {
  public:
    explicit Writer(Bytes& out) : out_(out) {}

    void uint(std::uint64_t value) { head(0, value); }
    void integer(std::int64_t value);
    /// Text is written as it is; the protocol's strings are UTF-8, file names may not be.
    void text(std::string_view value);
    void bytes(BytesView value);
    /// Head of a byte string whose `size` bytes the caller appends itself.
    void bytes_head(std::uint64_t size) { head(2, size); }
    /// `count` items (array) or `count` key/value pairs (map) must follow.
    void array(std::uint64_t count) { head(4, count); }
    void map(std::uint64_t count) { head(5, count); }
    void boolean(bool value) { out_.push_back(value ? 0xf5 : 0xf4); }
    void null() { out_.push_back(0xf6); }

  private:
    void head(std::uint8_t major, std::uint64_t value);
    Bytes& out_;
};

/// Size in bytes of the head that Writer gives a string, array or map of `length`.
std::size_t head_size(std::uint64_t length);

enum class Kind {
    unsigned_integer,
    negative_integer,
    bytes,
    text,
    array,
    map,
    boolean,
    null, ///< null or undefined
    other ///< floating point or an unassigned simple value: can only be skipped
};

/// Items left in an array or map that is being read; none = until the break byte.
struct Container {
    std::optional<std::uint64_t> left;
};

/// Reads items one after the other. Tags are ignored. Every error is ErrorKind::protocol unless
/// said otherwise; after an error the position is unspecified.
class Reader {
  public:
    explicit Reader(BytesView input) : rest_(input) {}

    bool at_end() const { return rest_.empty(); }
    /// Kind of the next item, which stays unread.
    Result<Kind> peek();

    Result<std::uint64_t> uint();
    Result<std::int64_t> integer();
    Result<bool> boolean();
    Status null();
    /// `joined` receives the content, and the result points into it, only if the string came in
    /// pieces.
    Result<BytesView> bytes(Bytes& joined) { return string(2, joined); }
    Result<std::string_view> text(Bytes& joined);

    Result<Container> array() { return container(4); }
    Result<Container> map() { return container(5); }
    /// True if the container has another item (map: another pair), which the caller reads next;
    /// false consumes the end.
    Result<bool> next(Container& container);

    /// Skips one item with everything inside it.
    Status skip();

  private:
    struct Head {
        std::uint8_t major;
        std::uint8_t info; ///< 31 = indefinite length, or break for major 7
        std::uint64_t value;
    };
    Result<Head> head();
    Status skip_tags();
    Result<BytesView> take(std::uint64_t count);
    Result<BytesView> string(std::uint8_t major, Bytes& joined);
    Result<Container> container(std::uint8_t major);

    BytesView rest_;
};

} // namespace msb::cbor
