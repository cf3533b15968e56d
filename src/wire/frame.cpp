#include "wire/frame.hpp"

#include "wire/cbor.hpp"

#include <algorithm>
#include <utility>

namespace msb::wire {

namespace {
/// A buffer that grew beyond this is given back when the frames are small again.
constexpr std::size_t small_buffer = std::size_t{256} << 10;
} // namespace

Result<std::optional<Frame>> take_frame(BytesView& data) {
    if (data.size() < 4)
        return std::nullopt;
    const std::size_t length = load_be<std::uint32_t>(data.first(4));
    if (length < frame_header_size - 4 || length > max_frame_length)
        return fail(ErrorKind::protocol, "frame length " + std::to_string(length) +
                                             " is outside 5.." + std::to_string(max_frame_length));
    if (data.size() - 4 < length)
        return std::nullopt;
    const BytesView raw = data.first(4 + length);
    data = data.subspan(raw.size());
    return Frame{load_be<std::uint32_t>(raw.subspan(4, 4)), raw[8], raw.subspan(frame_header_size)};
}

std::size_t missing_bytes(BytesView data) {
    if (data.size() < 4)
        return 0;
    const std::size_t size = std::size_t{4} + load_be<std::uint32_t>(data.first(4));
    return size - std::min(size, data.size());
}

void FrameReader::make_room(std::size_t size) {
    if (begin_ == end_) {
        begin_ = end_ = 0;
        if (std::exchange(peak_, 0) <= small_buffer / 2 && buffer_.size() > small_buffer)
            Bytes().swap(buffer_);
    }
    if (buffer_.size() - end_ >= size)
        return;
    if (begin_ > 0) {
        std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
                  buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
        end_ -= begin_;
        begin_ = 0;
    }
    // Doubling keeps copying linear in the bytes received, however small the pieces are.
    if (buffer_.size() - end_ < size)
        buffer_.resize(std::max(end_ + size, std::min(buffer_.size() * 2, max_frame_size)));
}

MutableBytesView FrameReader::prepare(std::size_t size) {
    make_room(size);
    return MutableBytesView(buffer_).subspan(end_);
}

void FrameReader::commit(std::size_t size) {
    end_ += size;
    peak_ = std::max(peak_, end_);
}

void FrameReader::feed(BytesView data) {
    const MutableBytesView room = prepare(data.size());
    std::copy(data.begin(), data.end(), room.begin());
    commit(data.size());
}

Result<std::optional<Frame>> FrameReader::next() {
    BytesView data = unread();
    auto frame = take_frame(data);
    begin_ = end_ - data.size();
    return frame;
}

Result<Envelope> decode_envelope(BytesView body) {
    cbor::Reader reader(body);
    Envelope envelope;
    bool has_generation = false;
    bool has_type = false;
    cbor::Container map = MSB_TRY(reader.map());
    while (MSB_TRY(reader.next(map))) {
        if (MSB_TRY(reader.peek()) != cbor::Kind::text) {
            MSB_TRY(reader.skip());
            MSB_TRY(reader.skip());
            continue;
        }
        Bytes joined_key;
        const std::string_view key = MSB_TRY(reader.text(joined_key));
        if (key == "v") {
            const std::uint64_t value = MSB_TRY(reader.uint());
            if (value > 255)
                return fail(ErrorKind::protocol, "envelope: generation out of range");
            envelope.v = static_cast<std::uint8_t>(value);
            has_generation = true;
        } else if (key == "t") {
            envelope.type = MSB_TRY(reader.text(envelope.joined_type));
            has_type = true;
        } else if (key == "p") {
            envelope.payload = MSB_TRY(reader.bytes(envelope.joined_payload));
        } else {
            MSB_TRY(reader.skip());
        }
    }
    if (!reader.at_end())
        return fail(ErrorKind::protocol, "envelope: bytes after the end");
    if (!has_generation || !has_type)
        return fail(ErrorKind::protocol, "envelope: 'v' or 't' is missing");
    return envelope;
}

void begin_frame(Bytes& out, std::uint32_t id, std::uint8_t flags, std::string_view type,
                 std::size_t payload_size) {
    // a3 | 61 'v' 07 | 61 't' text | 61 'p' bytes
    const std::size_t body = 1 + 3 + 2 + cbor::head_size(type.size()) + type.size() + 2 +
                             cbor::head_size(payload_size) + payload_size;
    std::uint8_t header[frame_header_size];
    store_be<std::uint32_t>(MutableBytesView(header, 4), static_cast<std::uint32_t>(5 + body));
    store_be<std::uint32_t>(MutableBytesView(header + 4, 4), id);
    header[8] = flags;
    out.insert(out.end(), header, header + frame_header_size);
    cbor::Writer writer(out);
    writer.map(3);
    writer.text("v");
    writer.uint(generation);
    writer.text("t");
    writer.text(type);
    writer.text("p");
    writer.bytes_head(payload_size);
}

} // namespace msb::wire
