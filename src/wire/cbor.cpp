#include "wire/cbor.hpp"

#include <array>
#include <limits>

namespace msb::cbor {

namespace {

constexpr std::uint8_t indefinite = 31;
constexpr std::uint8_t break_byte = 0xff;

std::unexpected<Error> malformed(const char* what) {
    return fail(ErrorKind::protocol, std::string("CBOR: ") + what);
}

Kind kind_of(std::uint8_t initial) {
    switch (initial >> 5) {
    case 0: return Kind::unsigned_integer;
    case 1: return Kind::negative_integer;
    case 2: return Kind::bytes;
    case 3: return Kind::text;
    case 4: return Kind::array;
    case 5: return Kind::map;
    default: break;
    }
    switch (initial & 31) {
    case 20:
    case 21: return Kind::boolean;
    case 22:
    case 23: return Kind::null;
    default: return Kind::other;
    }
}

} // namespace

void Writer::head(std::uint8_t major, std::uint64_t value) {
    const auto initial = static_cast<std::uint8_t>(major << 5);
    if (value < 24) {
        out_.push_back(static_cast<std::uint8_t>(initial | value));
        return;
    }
    const std::size_t size = head_size(value) - 1;
    const unsigned info = size == 1 ? 24 : size == 2 ? 25 : size == 4 ? 26 : 27;
    out_.push_back(static_cast<std::uint8_t>(initial | info));
    for (std::size_t i = size; i-- > 0;)
        out_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

std::size_t head_size(std::uint64_t length) {
    if (length < 24)
        return 1;
    if (length <= 0xff)
        return 2;
    if (length <= 0xffff)
        return 3;
    return length <= 0xffffffff ? 5 : 9;
}

void Writer::integer(std::int64_t value) {
    if (value >= 0)
        head(0, static_cast<std::uint64_t>(value));
    else
        head(1, ~static_cast<std::uint64_t>(value)); // -1 - value, RFC 8949 §3.1
}

void Writer::text(std::string_view value) {
    head(3, value.size());
    const BytesView bytes = as_bytes(value);
    out_.insert(out_.end(), bytes.begin(), bytes.end());
}

void Writer::bytes(BytesView value) {
    bytes_head(value.size());
    out_.insert(out_.end(), value.begin(), value.end());
}

Result<BytesView> Reader::take(std::uint64_t count) {
    if (count > rest_.size())
        return malformed("the input ends inside an item");
    const BytesView taken = rest_.first(static_cast<std::size_t>(count));
    rest_ = rest_.subspan(taken.size());
    return taken;
}

Result<Reader::Head> Reader::head() {
    const std::uint8_t initial = MSB_TRY(take(1))[0];
    Head head{static_cast<std::uint8_t>(initial >> 5), static_cast<std::uint8_t>(initial & 31), 0};
    if (head.info < 24) {
        head.value = head.info;
    } else if (head.info < 28) {
        const BytesView argument = MSB_TRY(take(std::size_t{1} << (head.info - 24)));
        for (const std::uint8_t byte : argument)
            head.value = head.value << 8 | byte;
    } else if (head.info < indefinite || head.major == 0 || head.major == 1 || head.major == 6) {
        return malformed("reserved length encoding");
    }
    return head;
}

Status Reader::skip_tags() {
    while (!rest_.empty() && rest_[0] >> 5 == 6)
        MSB_TRY(head());
    return {};
}

Result<Kind> Reader::peek() {
    MSB_TRY(skip_tags());
    if (rest_.empty())
        return malformed("an item is missing");
    if (rest_[0] == break_byte)
        return malformed("unexpected end of a container");
    return kind_of(rest_[0]);
}

Result<std::uint64_t> Reader::uint() {
    if (MSB_TRY(peek()) != Kind::unsigned_integer)
        return malformed("expected an unsigned integer");
    return MSB_TRY(head()).value;
}

Result<std::int64_t> Reader::integer() {
    const Kind kind = MSB_TRY(peek());
    if (kind != Kind::unsigned_integer && kind != Kind::negative_integer)
        return malformed("expected an integer");
    const std::uint64_t value = MSB_TRY(head()).value;
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return malformed("integer out of range");
    const auto magnitude = static_cast<std::int64_t>(value);
    return kind == Kind::unsigned_integer ? magnitude : -1 - magnitude;
}

Result<bool> Reader::boolean() {
    if (MSB_TRY(peek()) != Kind::boolean)
        return malformed("expected true or false");
    return MSB_TRY(head()).value == 21;
}

Status Reader::null() {
    if (MSB_TRY(peek()) != Kind::null)
        return malformed("expected null");
    MSB_TRY(head());
    return {};
}

Result<BytesView> Reader::string(std::uint8_t major, Bytes& joined) {
    MSB_TRY(skip_tags());
    const Head first = MSB_TRY(head());
    if (first.major != major)
        return malformed(major == 2 ? "expected a byte string" : "expected text");
    if (first.info != indefinite)
        return take(first.value);
    joined.clear();
    for (;;) {
        if (!rest_.empty() && rest_[0] == break_byte) {
            rest_ = rest_.subspan(1);
            return BytesView(joined);
        }
        const Head piece = MSB_TRY(head());
        if (piece.major != major || piece.info == indefinite)
            return malformed("wrong piece in a string of indefinite length");
        const BytesView content = MSB_TRY(take(piece.value));
        joined.insert(joined.end(), content.begin(), content.end());
    }
}

Result<std::string_view> Reader::text(Bytes& joined) {
    return as_text(MSB_TRY(string(3, joined)));
}

Result<Container> Reader::container(std::uint8_t major) {
    MSB_TRY(skip_tags());
    const Head first = MSB_TRY(head());
    if (first.major != major)
        return malformed(major == 4 ? "expected an array" : "expected a map");
    Container container;
    if (first.info != indefinite)
        container.left = first.value;
    return container;
}

Result<bool> Reader::next(Container& container) {
    if (container.left) {
        if (*container.left == 0)
            return false;
        --*container.left;
        return true;
    }
    if (rest_.empty())
        return malformed("a container is not ended");
    if (rest_[0] != break_byte)
        return true;
    rest_ = rest_.subspan(1);
    return false;
}

Status Reader::skip() {
    // Number of items that each open container still has to give; a map counts twice.
    struct Level {
        Container items;
        bool is_map;
        bool value_pending; ///< the key of a pair was skipped, its value comes next
    };
    std::array<Level, max_depth> levels;
    std::size_t depth = 0;
    do {
        if (depth > 0) {
            Level& level = levels[depth - 1];
            if (level.value_pending) {
                level.value_pending = false;
            } else if (!MSB_TRY(next(level.items))) {
                --depth;
                continue;
            } else {
                level.value_pending = level.is_map;
            }
        }
        const Kind kind = MSB_TRY(peek());
        if (kind == Kind::array || kind == Kind::map) {
            if (depth == max_depth)
                return fail(ErrorKind::limit_exceeded, "CBOR: nested too deeply");
            const bool is_map = kind == Kind::map;
            levels[depth++] = Level{MSB_TRY(container(is_map ? 5 : 4)), is_map, false};
        } else if (kind == Kind::bytes || kind == Kind::text) {
            Bytes joined;
            MSB_TRY(string(kind == Kind::bytes ? 2 : 3, joined));
        } else {
            MSB_TRY(head());
        }
    } while (depth > 0);
    return {};
}

} // namespace msb::cbor
