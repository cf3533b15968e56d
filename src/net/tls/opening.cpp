#include "net/tls/opening.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace msb::net {

namespace {

enum RecordType : std::uint8_t { // RFC 8446 §5.1
    change_cipher_spec = 20,
    alert = 21,
    handshake = 22,
    application_data = 23,
    heartbeat = 24,
};
constexpr std::uint8_t server_hello = 2;
constexpr std::size_t record_head = 5;
constexpr std::size_t longest_record = (std::size_t{1} << 14) + 256;

/// A handshake message out of the records that it was cut into.
struct Assembled {
    enum class State { incomplete, whole, broken } state = State::incomplete;
    Bytes message;
    std::size_t size = 0; ///< of the records
};

/// Adds the piece of one record. It has to end where the message does.
Assembled::State add(Assembled& result, BytesView piece, bool whole_record) {
    using State = Assembled::State;
    result.message.insert(result.message.end(), piece.begin(), piece.end());
    const BytesView message = result.message;
    if (message.size() < message_head)
        return State::incomplete;
    const std::size_t size = message_size(message);
    if (size > OpeningReader::most_bytes || message.size() > size)
        return State::broken;
    if (message.size() < size)
        return State::incomplete;
    return whole_record ? State::whole : State::broken;
}

Assembled assemble(BytesView bytes) {
    using State = Assembled::State;
    Assembled result;
    while (result.state == State::incomplete && bytes.size() - result.size >= record_head) {
        const BytesView record = bytes.subspan(result.size);
        const std::size_t length = load_be<std::uint16_t>(record.subspan(3));
        if (record[0] != handshake || record[1] != 3 || length == 0 || length > longest_record)
            return {.state = State::broken};
        const bool whole = record.size() - record_head >= length;
        const BytesView piece = record.subspan(record_head);
        result.state = add(result, whole ? piece.first(length) : piece, whole);
        if (!whole)
            break;
        result.size += record_head + length;
    }
    if (result.state == State::incomplete && bytes.size() > OpeningReader::most_bytes)
        result.state = State::broken;
    return result;
}

/// RFC 8446 §4.1.3: a ServerHello with this random asks for another ClientHello.
constexpr std::array<std::uint8_t, 32> retry_random = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

/// Whether what a server begins with asks for another ClientHello; nothing if that cannot be told
/// yet. Warnings may come before its hello.
std::optional<bool> asks_again(BytesView bytes) {
    Bytes message;
    constexpr std::size_t random_end = message_head + 2 + retry_random.size();
    while (message.size() < random_end) {
        if (bytes.size() < record_head)
            return std::nullopt;
        const std::size_t length = load_be<std::uint16_t>(bytes.subspan(3));
        if ((bytes[0] != handshake && bytes[0] != alert) || length == 0)
            return false;
        const BytesView piece =
            bytes.subspan(record_head, std::min(length, bytes.size() - record_head));
        if (bytes[0] == handshake)
            message.insert(message.end(), piece.begin(), piece.end());
        if (!message.empty() && message[0] != server_hello)
            return false;
        bytes = bytes.subspan(record_head + piece.size());
        if (piece.size() < length && message.size() < random_end)
            return std::nullopt;
    }
    return std::ranges::equal(BytesView(message).subspan(message_head + 2, retry_random.size()),
                              retry_random);
}

} // namespace

OpeningReader::Step OpeningReader::next(BytesView bytes, bool ended) {
    if (over_)
        return {.kind = Kind::over};
    Step step = started_ ? following(bytes) : first(bytes);
    if (step.kind == Kind::wait && ended && !bytes.empty())
        step.kind = Kind::broken;
    over_ = over_ || step.kind == Kind::over;
    return step;
}

void OpeningReader::server(BytesView piece) {
    if (!started_ || server_ != Server::silent)
        return;
    constexpr std::size_t most = 512;
    server_bytes_.insert(server_bytes_.end(), piece.begin(),
                         piece.begin() + static_cast<std::ptrdiff_t>(std::min(most, piece.size())));
    const auto again = asks_again(server_bytes_);
    if (!again && server_bytes_.size() < most)
        return;
    server_ = again.value_or(false) ? Server::wants_another : Server::satisfied;
    server_bytes_ = {};
}

OpeningReader::Step OpeningReader::first(BytesView bytes) {
    if (bytes.empty())
        return {};
    const bool like_tls = bytes[0] >= change_cipher_spec && bytes[0] <= heartbeat;
    if (like_tls && bytes.size() == 1)
        return {};
    if (!like_tls || bytes[1] != 3) {
        over_ = true;
        return {.kind = Kind::opening, .size = 0, .opening = {}};
    }
    return hello(bytes);
}

OpeningReader::Step OpeningReader::hello(BytesView bytes) {
    const Assembled assembled = assemble(bytes);
    if (assembled.state == Assembled::State::incomplete)
        return {};
    auto name =
        assembled.state == Assembled::State::whole ? asked_server(assembled.message) : std::nullopt;
    if (!name)
        return {.kind = Kind::broken, .size = 0, .opening = {}};
    if (started_) // there is no third
        server_ = Server::satisfied;
    started_ = true;
    return {.kind = Kind::opening,
            .size = assembled.size,
            .opening = {.tls = true, .server_name = std::move(*name)}};
}

OpeningReader::Step OpeningReader::following(BytesView bytes) {
    if (left_of_record_ > 0) {
        const std::size_t size = std::min(left_of_record_, bytes.size());
        left_of_record_ -= size;
        return {.kind = size > 0 ? Kind::passed : Kind::wait, .size = size, .opening = {}};
    }
    if (server_ == Server::satisfied)
        return {.kind = Kind::over, .size = 0, .opening = {}};
    if (bytes.size() < record_head)
        return {};
    if (bytes[0] == handshake)
        return server_ == Server::wants_another ? hello(bytes) : Step{};
    if (bytes[0] != application_data && bytes[0] != change_cipher_spec && bytes[0] != alert)
        return {.kind = Kind::broken, .size = 0, .opening = {}};
    left_of_record_ =
        load_be<std::uint16_t>(bytes.subspan(3)); // early data, or nothing that counts
    return {.kind = Kind::passed, .size = record_head, .opening = {}};
}

} // namespace msb::net
